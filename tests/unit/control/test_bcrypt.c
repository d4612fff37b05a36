/* bcrypt as acme-dns made it: Go's "$2a$10$", by the vectors of other implementations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/bcrypt.h"

/* Of golang.org/x/crypto/bcrypt's and of Openwall's own test vectors, all of a cost of 5 or 6. */
static const struct {
    const char *key, *hash;
} vectors[] = {
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
    {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"},
    {"allmine", "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"},
};

static int matches(const char *hash, const char *key)
{
    return bcrypt_matches(hash, strlen(hash), key, strlen(key));
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_int_equal(matches(vectors[i].hash, vectors[i].key), 0);
        assert_int_equal(matches(vectors[i].hash, "U*U*U*U"), TXTD_EFORBIDDEN);
    }
}

static void test_refused(void **state)
{
    static const char *const hashes[] = {
        "",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",   /* too short */
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW", /* too long */
        "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",  /* no such cost */
        "$2a$13$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",  /* too dear */
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",  /* a known bug as a scheme */
        "$6$aaa$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO:W",
    };
    char key[BCRYPT_KEY_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        assert_int_equal(matches(hashes[i], "U*U"), TXTD_EINVAL);
    }
    memset(key, 'a', sizeof key);
    assert_int_equal(bcrypt_matches(vectors[0].hash, BCRYPT_HASH_LEN, key, 0), TXTD_EINVAL);
    assert_int_equal(bcrypt_matches(vectors[0].hash, BCRYPT_HASH_LEN, key, BCRYPT_KEY_MAX + 1), TXTD_EINVAL);
    assert_int_equal(bcrypt_matches(vectors[0].hash, BCRYPT_HASH_LEN, key, BCRYPT_KEY_MAX), TXTD_EFORBIDDEN);
    assert_int_equal(bcrypt_matches(vectors[0].hash, BCRYPT_HASH_LEN, "U*U\0", 4), TXTD_EINVAL);
}

static void test_cost(void **state)
{
    unsigned cost = 0;
    (void)state;
    assert_true(bcrypt_is_hash(vectors[3].hash, BCRYPT_HASH_LEN, &cost));
    assert_int_equal(cost, 10);
    assert_true(bcrypt_is_hash("$2y$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_HASH_LEN, &cost));
    assert_int_equal(cost, 31);
    assert_false(
        bcrypt_is_hash("$2y$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_HASH_LEN, &cost));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
