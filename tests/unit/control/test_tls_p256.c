/* Points of P-256: libcrypto's products are mbedtls's own, and what mbedtls refuses is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>

#include "control/tls_p256.h"

#define POINT_LEN 65

typedef int (*multiply_fn)(mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *,
                           int (*)(void *, unsigned char *, size_t), void *, mbedtls_ecp_restart_ctx *);

struct scene {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ecp_group group;
    mbedtls_mpi factor;
    mbedtls_ecp_point point, ours, theirs;
    multiply_fn of_mbedtls;
};

static void begin(struct scene *scene, mbedtls_ecp_group_id curve)
{
    mbedtls_entropy_init(&scene->entropy);
    mbedtls_ctr_drbg_init(&scene->random);
    mbedtls_ecp_group_init(&scene->group);
    mbedtls_mpi_init(&scene->factor);
    mbedtls_ecp_point_init(&scene->point);
    mbedtls_ecp_point_init(&scene->ours);
    mbedtls_ecp_point_init(&scene->theirs);
    assert_int_equal(mbedtls_ctr_drbg_seed(&scene->random, mbedtls_entropy_func, &scene->entropy, NULL, 0), 0);
    assert_int_equal(mbedtls_ecp_group_load(&scene->group, curve), 0);
    assert_int_equal(tls_p256_init(), 0);
    void *library = dlopen("libmbedcrypto.so.7", RTLD_NOW | RTLD_NOLOAD);
    library = library == NULL ? dlopen("libmbedcrypto.so.16", RTLD_NOW | RTLD_NOLOAD) : library;
    assert_non_null(library);
    void *symbol = dlsym(library, "mbedtls_ecp_mul_restartable");
    assert_non_null(symbol);
    memcpy(&scene->of_mbedtls, &symbol, sizeof symbol);
    assert_ptr_not_equal(scene->of_mbedtls, mbedtls_ecp_mul_restartable);
    (void)dlclose(library);
}

static void end(struct scene *scene)
{
    mbedtls_ecp_point_free(&scene->theirs);
    mbedtls_ecp_point_free(&scene->ours);
    mbedtls_ecp_point_free(&scene->point);
    mbedtls_mpi_free(&scene->factor);
    mbedtls_ecp_group_free(&scene->group);
    mbedtls_ctr_drbg_free(&scene->random);
    mbedtls_entropy_free(&scene->entropy);
}

static int multiply(struct scene *scene, multiply_fn with, mbedtls_ecp_point *product)
{
    return with(&scene->group, product, &scene->factor, &scene->point, mbedtls_ctr_drbg_random, &scene->random, NULL);
}

static void compare(struct scene *scene)
{
    assert_int_equal(multiply(scene, scene->of_mbedtls, &scene->theirs), 0);
    assert_int_equal(multiply(scene, mbedtls_ecp_mul_restartable, &scene->ours), 0);
    assert_int_equal(mbedtls_ecp_point_cmp(&scene->ours, &scene->theirs), 0);
}

static void random_factor(struct scene *scene)
{
    assert_int_equal(mbedtls_ecp_gen_privkey(&scene->group, &scene->factor, mbedtls_ctr_drbg_random, &scene->random),
                     0);
}

static void is_in_use(void **state)
{
    (void)state;
    assert_true(tls_p256_in_use());
}

static void multiplies_as_mbedtls_does(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, MBEDTLS_ECP_DP_SECP256R1);
    assert_int_equal(mbedtls_ecp_copy(&scene.point, &scene.group.G), 0);
    for (unsigned i = 0; i < 20; i++) { /* of the base point, then of what came out */
        random_factor(&scene);
        compare(&scene);
        assert_int_equal(mbedtls_ecp_copy(&scene.point, &scene.ours), 0);
    }
    assert_int_equal(mbedtls_mpi_lset(&scene.factor, 1), 0);
    compare(&scene);
    assert_int_equal(mbedtls_mpi_sub_int(&scene.factor, &scene.group.N, 1), 0);
    compare(&scene);
    end(&scene);
}

static void expect_both_refuse(struct scene *scene)
{
    assert_int_not_equal(multiply(scene, scene->of_mbedtls, &scene->theirs), 0);
    assert_int_not_equal(multiply(scene, mbedtls_ecp_mul_restartable, &scene->ours), 0);
}

static void refuses_what_mbedtls_refuses(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, MBEDTLS_ECP_DP_SECP256R1);
    assert_int_equal(mbedtls_ecp_copy(&scene.point, &scene.group.G), 0);
    assert_int_equal(mbedtls_mpi_lset(&scene.factor, 0), 0);
    expect_both_refuse(&scene);
    assert_int_equal(mbedtls_mpi_copy(&scene.factor, &scene.group.N), 0);
    expect_both_refuse(&scene);

    random_factor(&scene);
    assert_int_equal(mbedtls_ecp_set_zero(&scene.point), 0);
    expect_both_refuse(&scene);
    uint8_t octets[POINT_LEN];
    size_t len = 0;
    assert_int_equal(mbedtls_ecp_point_write_binary(&scene.group, &scene.group.G, MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
                                                    octets, sizeof octets),
                     0);
    octets[POINT_LEN - 1] ^= 1; /* no longer on the curve */
    assert_int_equal(mbedtls_ecp_point_read_binary(&scene.group, &scene.point, octets, sizeof octets), 0);
    expect_both_refuse(&scene);
    end(&scene);
}

static void leaves_other_curves_alone(void **state)
{
    (void)state;
    static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_CURVE25519};
    for (unsigned i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        struct scene scene;
        begin(&scene, curves[i]);
        assert_int_equal(mbedtls_ecp_copy(&scene.point, &scene.group.G), 0);
        random_factor(&scene);
        compare(&scene);
        end(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_in_use),
        cmocka_unit_test(multiplies_as_mbedtls_does),
        cmocka_unit_test(refuses_what_mbedtls_refuses),
        cmocka_unit_test(leaves_other_curves_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
