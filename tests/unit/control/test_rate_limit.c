/* How often, for each of many, with a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include <string.h>

#include "control/rate_limit.h"

enum { SECOND = 1000000 };

static const uint64_t start = 5000ull * SECOND;

static int begin(void **state)
{
    return rate_limit_new(1024, (struct rate_limit **)state);
}

static int end(void **state)
{
    rate_limit_free(*state);
    return 0;
}

static void make_key(unsigned number, uint8_t key[RATE_LIMIT_KEY_LEN])
{
    memset(key, 0, RATE_LIMIT_KEY_LEN);
    memcpy(key, &number, sizeof number);
}

static int take(struct rate_limit *limit, unsigned amount, unsigned number, uint64_t now_us, unsigned *retry_after_s)
{
    uint8_t key[RATE_LIMIT_KEY_LEN];
    make_key(number, key);
    return rate_limit_take(limit, (struct rate){amount, 60}, key, now_us, retry_after_s);
}

static void test_burst_then_evenly(void **state)
{
    unsigned retry_after_s = 0;
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(take(*state, 60, 1, start, &retry_after_s), 0);
    }
    assert_int_equal(take(*state, 60, 1, start, &retry_after_s), TXTD_ELIMITED);
    assert_int_equal(retry_after_s, 1);
    assert_int_equal(take(*state, 60, 2, start, &retry_after_s), 0); /* others go on */
    assert_int_equal(take(*state, 60, 1, start + SECOND - 1, &retry_after_s), TXTD_ELIMITED);
    assert_int_equal(take(*state, 60, 1, start + SECOND, &retry_after_s), 0);
    assert_int_equal(take(*state, 60, 1, start + SECOND, &retry_after_s), TXTD_ELIMITED);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(take(*state, 60, 1, start + 61ull * SECOND, &retry_after_s), 0);
    }
    assert_int_equal(take(*state, 60, 1, start + 61ull * SECOND, &retry_after_s), TXTD_ELIMITED);
}

static void test_retry_after_is_enough(void **state)
{
    unsigned retry_after_s = 0;
    assert_int_equal(take(*state, 1, 1, start, &retry_after_s), 0);
    assert_int_equal(take(*state, 1, 1, start + SECOND / 2, &retry_after_s), TXTD_ELIMITED);
    assert_int_equal(retry_after_s, 60);
    assert_int_equal(take(*state, 1, 1, start + SECOND / 2 + 60ull * SECOND, &retry_after_s), 0);
}

static void test_zero_is_no_limit(void **state)
{
    unsigned retry_after_s = 0;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(take(*state, 0, 1, start, &retry_after_s), 0);
    }
}

/* Many keys in a small table: memory stays, those who owe most are remembered longest. */
static void test_flood_of_keys(void **state)
{
    unsigned retry_after_s = 0;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(take(*state, 10, 0, start, &retry_after_s), 0);
    }
    for (unsigned i = 1; i < 100000; i++) {
        assert_int_equal(take(*state, 10, i, start, &retry_after_s), 0);
    }
    assert_int_equal(take(*state, 10, 0, start, &retry_after_s), TXTD_ELIMITED);
}

static void test_client_keys(void **state)
{
    (void)state;
    const uint8_t v4_a[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    const uint8_t v4_b[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2};
    const uint8_t v6_a[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8};
    const uint8_t v6_b[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1};
    const uint8_t v6_c[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t one[RATE_LIMIT_KEY_LEN], two[RATE_LIMIT_KEY_LEN];
    rate_limit_client_key(v4_a, one);
    rate_limit_client_key(v4_b, two);
    assert_memory_not_equal(one, two, sizeof one);
    rate_limit_client_key(v6_a, one);
    rate_limit_client_key(v6_b, two);
    assert_memory_equal(one, two, sizeof one); /* the same /64 */
    rate_limit_client_key(v6_c, two);
    assert_memory_not_equal(one, two, sizeof one);
}

static void test_networks(void **state)
{
    (void)state;
    const uint8_t v4_a[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    const uint8_t v4_b[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2};
    const uint8_t v6_a[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 1, 1};
    const uint8_t v6_b[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 1};
    const uint8_t v6_c[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 1, 2, 1};
    struct rate_limit_network one[RATE_LIMIT_NETWORKS_MAX], two[RATE_LIMIT_NETWORKS_MAX];
    assert_int_equal(rate_limit_networks(v4_a, one), 1);
    assert_int_equal(rate_limit_networks(v4_b, two), 1);
    assert_memory_equal(one[0].key, two[0].key, RATE_LIMIT_KEY_LEN);
    assert_int_equal(one[0].multiple, 32);
    assert_int_equal(rate_limit_networks(v6_a, one), 2);
    assert_memory_not_equal(one[0].key, one[1].key, RATE_LIMIT_KEY_LEN); /* the /56 is 0 where the /48 ends */
    assert_int_equal(rate_limit_networks(v6_b, two), 2);
    assert_memory_equal(one[0].key, two[0].key, RATE_LIMIT_KEY_LEN);
    assert_memory_equal(one[1].key, two[1].key, RATE_LIMIT_KEY_LEN);
    assert_int_equal(rate_limit_networks(v6_c, two), 2);
    assert_memory_not_equal(one[0].key, two[0].key, RATE_LIMIT_KEY_LEN);
    assert_memory_equal(one[1].key, two[1].key, RATE_LIMIT_KEY_LEN);
    assert_int_equal(rate_limit_multiple(0, 32), 0);
    assert_int_equal(rate_limit_multiple(60, 32), 1920);
    assert_int_equal(rate_limit_multiple(1000000000, 32), UINT_MAX);
}

/* Looking says what taking would, and uses nothing up. */
static void test_look(void **state)
{
    const struct rate rate = {1, 60};
    uint8_t key[RATE_LIMIT_KEY_LEN];
    unsigned retry_after_s = 0;
    make_key(1, key);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rate_limit_look(*state, rate, key, start, &retry_after_s), 0);
    }
    assert_int_equal(rate_limit_take(*state, rate, key, start, &retry_after_s), 0);
    assert_int_equal(rate_limit_look(*state, rate, key, start, &retry_after_s), TXTD_ELIMITED);
    assert_int_equal(retry_after_s, 60);
    assert_int_equal(rate_limit_look(*state, rate, key, start + 60ull * SECOND, &retry_after_s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_burst_then_evenly, begin, end),
        cmocka_unit_test_setup_teardown(test_retry_after_is_enough, begin, end),
        cmocka_unit_test_setup_teardown(test_zero_is_no_limit, begin, end),
        cmocka_unit_test_setup_teardown(test_flood_of_keys, begin, end),
        cmocka_unit_test(test_client_keys),
        cmocka_unit_test(test_networks),
        cmocka_unit_test_setup_teardown(test_look, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
