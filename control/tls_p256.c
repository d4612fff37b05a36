#include "control/tls_p256.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "dataplane/error.h"

#define FIELD_LEN 32
#define POINT_LEN (1 + 2 * FIELD_LEN) /* uncompressed: SEC 1 section 2.3.3 */

typedef int (*multiply_fn)(mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *,
                           int (*)(void *, unsigned char *, size_t), void *, mbedtls_ecp_restart_ctx *);

/* Constants, once they are made: mbedtls passes no context of ours. */
static pthread_once_t constants_once = PTHREAD_ONCE_INIT;
static struct {
    const EC_GROUP *group;  /* libcrypto's P-256, with its table of multiples of the base point */
    multiply_fn of_mbedtls; /* the definition that this one stands in front of */
} constants;

static void make_constants(void)
{
    constants.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    void *symbol = dlsym(RTLD_NEXT, "mbedtls_ecp_mul_restartable");
    memcpy(&constants.of_mbedtls, &symbol, sizeof constants.of_mbedtls);
}

int tls_p256_init(void)
{
    (void)pthread_once(&constants_once, make_constants);
    return constants.group != NULL && constants.of_mbedtls != NULL ? 0 : TXTD_ESYS;
}

bool tls_p256_in_use(void)
{
    multiply_fn ours = mbedtls_ecp_mul_restartable;
    void *symbol = dlsym(RTLD_DEFAULT, "mbedtls_ecp_mul_restartable");
    return tls_p256_init() == 0 && memcmp(&symbol, &ours, sizeof symbol) == 0;
}

/* factor * point, or factor * the base point when `point` is NULL. libcrypto refuses points that are not on the curve. */
static bool multiply(const uint8_t factor[FIELD_LEN], const uint8_t point[POINT_LEN], uint8_t product[POINT_LEN])
{
    const EC_GROUP *group = constants.group;
    BN_CTX *context = BN_CTX_secure_new();
    BIGNUM *number = BN_secure_new();
    EC_POINT *from = EC_POINT_new(group);
    EC_POINT *to = EC_POINT_new(group);
    bool done =
        context != NULL && number != NULL && from != NULL && to != NULL && BN_bin2bn(factor, FIELD_LEN, number) != NULL;
    if (done) {
        BN_set_flags(number, BN_FLG_CONSTTIME);
        done = point == NULL ? EC_POINT_mul(group, to, number, NULL, NULL, context) == 1
                             : EC_POINT_oct2point(group, from, point, POINT_LEN, context) == 1 &&
                                   EC_POINT_mul(group, to, NULL, from, number, context) == 1;
    }
    done =
        done && EC_POINT_point2oct(group, to, POINT_CONVERSION_UNCOMPRESSED, product, POINT_LEN, context) == POINT_LEN;
    EC_POINT_clear_free(to);
    EC_POINT_clear_free(from);
    BN_clear_free(number);
    BN_CTX_free(context);
    return done;
}

/* R = m * P, as mbedtls/ecp.h documents it. */
int mbedtls_ecp_mul_restartable(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                                const mbedtls_ecp_point *P, int (*f_rng)(void *, unsigned char *, size_t), void *p_rng,
                                mbedtls_ecp_restart_ctx *rs_ctx)
{
    if (tls_p256_init() != 0) {
        return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
    }
    if (grp->id != MBEDTLS_ECP_DP_SECP256R1) {
        return constants.of_mbedtls(grp, R, m, P, f_rng, p_rng, rs_ctx);
    }
    uint8_t factor_octets[FIELD_LEN], point_octets[POINT_LEN], product_octets[POINT_LEN];
    size_t len = 0;
    bool of_base = mbedtls_ecp_point_cmp(P, &grp->G) == 0;
    int error = mbedtls_ecp_check_privkey(grp, m);
    if (error == 0) {
        error = mbedtls_mpi_write_binary(m, factor_octets, FIELD_LEN);
    }
    if (error == 0 && !of_base) {
        error = mbedtls_ecp_point_write_binary(grp, P, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point_octets, POINT_LEN);
        error = error == 0 && len != POINT_LEN ? MBEDTLS_ERR_ECP_INVALID_KEY : error; /* the point at infinity */
    }
    if (error == 0) {
        error = multiply(factor_octets, of_base ? NULL : point_octets, product_octets)
                    ? mbedtls_ecp_point_read_binary(grp, R, product_octets, POINT_LEN)
                    : MBEDTLS_ERR_ECP_INVALID_KEY;
    }
    mbedtls_platform_zeroize(factor_octets, sizeof factor_octets);
    mbedtls_platform_zeroize(product_octets, sizeof product_octets);
    return error;
}
