/* The limiter under a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/guard/rrl.h"

#define POSITIVE_PER_S 1000
#define OTHER_PER_S    10

static struct rrl *make(uint32_t slip)
{
    struct rrl_settings settings = {
        .positive_per_s = POSITIVE_PER_S, .other_per_s = OTHER_PER_S, .slip = slip, .table_entries = 1u << 17};
    struct rrl *rrl;
    assert_int_equal(rrl_new(&settings, &rrl), 0);
    return rrl;
}

static struct sockaddr_storage v4(uint32_t address)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&storage;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(address);
    return storage;
}

static struct sockaddr_storage v6(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&storage;
    in6->sin6_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    return storage;
}

static enum rrl_verdict count(struct rrl *rrl, struct sockaddr_storage client, enum rrl_kind kind, uint64_t mono_ms)
{
    return rrl_count(rrl, (const struct sockaddr *)&client, kind, mono_ms);
}

/* How many of `tries` answers pass at one instant. */
static unsigned passes(struct rrl *rrl, struct sockaddr_storage client, enum rrl_kind kind, unsigned tries, uint64_t at)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < tries; i++) {
        passed += count(rrl, client, kind, at) == RRL_PASS;
    }
    return passed;
}

static void test_one_address_gets_its_rate_at_once_and_then_per_second(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 5000), OTHER_PER_S);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 5000), 0);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 5050), 0); /* half an answer has drained */
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 5500), OTHER_PER_S / 2);
    unsigned passed = 0;
    for (uint64_t at = 6001; at <= 16000; at++) { /* asked each millisecond for ten seconds */
        passed += count(rrl, v4(0xc0000201), RRL_OTHER, at) == RRL_PASS;
    }
    assert_in_range(passed, 10 * OTHER_PER_S - 1, 11 * OTHER_PER_S);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 60000),
                     OTHER_PER_S); /* never more than a second's worth */
    rrl_free(rrl);
}

static void test_kinds_are_counted_apart(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 1), OTHER_PER_S);
    assert_in_range(passes(rrl, v4(0xc0000201), RRL_POSITIVE, 3 * POSITIVE_PER_S, 1), POSITIVE_PER_S,
                    POSITIVE_PER_S + 1);
    rrl_free(rrl);
}

static void test_zero_is_no_limit(void **state)
{
    (void)state;
    struct rrl_settings settings = {.positive_per_s = 0, .other_per_s = 1, .slip = 0, .table_entries = 1};
    struct rrl *rrl;
    assert_int_equal(rrl_new(&settings, &rrl), 0);
    assert_int_equal(passes(rrl, v4(1), RRL_POSITIVE, 100000, 1), 100000);
    assert_int_equal(passes(rrl, v6("2001:db8::1"), RRL_POSITIVE, 100000, 1), 100000);
    assert_int_equal(passes(rrl, v4(1), RRL_OTHER, 10, 1), 1);
    rrl_free(rrl);
}

static void test_slip(void **state)
{
    (void)state;
    static const struct {
        uint32_t slip;
        unsigned slipped; /* of 60 limited answers */
    } rows[] = {{0, 0}, {1, 60}, {2, 30}, {3, 20}, {7, 8}};
    for (unsigned row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct rrl *rrl = make(rows[row].slip);
        unsigned seen[3] = {0};
        for (unsigned i = 0; i < OTHER_PER_S + 60; i++) {
            seen[count(rrl, v4(0xc6336401), RRL_OTHER, 1)]++;
        }
        assert_int_equal(seen[RRL_PASS], OTHER_PER_S);
        assert_int_equal(seen[RRL_SLIP], rows[row].slipped);
        assert_int_equal(seen[RRL_DROP], 60 - rows[row].slipped);
        rrl_free(rrl);
    }
}

/* Distinct addresses of one network that ask five times each are stopped together at the network's multiple. */
static void test_v4_networks_have_multiples(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    unsigned passed = 0;
    for (uint32_t host = 0; host < 256; host++) {
        passed += passes(rrl, v4(0xcb007100 + host), RRL_OTHER, 5, 1);
    }
    assert_int_equal(passed, 32 * OTHER_PER_S); /* the /24 */
    passed = 0;
    for (uint32_t host = 0; host < 4096; host++) { /* a /20, spread so that no /24 of it is stopped */
        passed += passes(rrl, v4(0xac100000 + host), RRL_OTHER, 1, 1);
    }
    assert_in_range(passed, 256 * OTHER_PER_S, 256 * OTHER_PER_S + 1);
    assert_int_equal(passes(rrl, v4(0xac101000), RRL_OTHER, 100, 1), OTHER_PER_S); /* the next /20 */
    rrl_free(rrl);
}

static void test_v6_networks_have_multiples(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    assert_int_equal(passes(rrl, v6("2001:db8:1:1::1"), RRL_OTHER, 100, 1), OTHER_PER_S);
    assert_int_equal(passes(rrl, v6("2001:db8:1:1::2"), RRL_OTHER, 100, 1), OTHER_PER_S);
    assert_int_equal(passes(rrl, v6("2001:db8:1:1::3"), RRL_OTHER, 100, 1), 0); /* the /64 has had 2 */
    assert_int_equal(passes(rrl, v6("2001:db8:1:2::1"), RRL_OTHER, 100, 1), OTHER_PER_S);
    assert_int_equal(passes(rrl, v6("2001:db8:1:3::1"), RRL_OTHER, 100, 1), OTHER_PER_S);
    assert_int_equal(passes(rrl, v6("2001:db8:1:4::1"), RRL_OTHER, 100, 1), 0); /* the /56 has had 4 */
    for (unsigned i = 0; i < 4; i++) {
        char text[INET6_ADDRSTRLEN] = "2001:db8:1:100::1";
        text[11] = (char)('1' + i);
        assert_int_equal(passes(rrl, v6(text), RRL_OTHER, 100, 1), OTHER_PER_S);
    }
    assert_int_equal(passes(rrl, v6("2001:db8:1:900::1"), RRL_OTHER, 100, 1), 0); /* the /48 has had 8 */
    assert_int_equal(passes(rrl, v6("2001:db8:2::1"), RRL_OTHER, 100, 1), OTHER_PER_S);
    rrl_free(rrl);
}

/* A flooding address uses up its own limit, not that of its network. */
static void test_limited_answers_are_charged_to_nobody(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100000, 1), OTHER_PER_S);
    assert_int_equal(passes(rrl, v4(0xc0000202), RRL_OTHER, 100, 1), OTHER_PER_S);
    rrl_free(rrl);
}

static void test_mapped_v4_is_v4(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    assert_int_equal(passes(rrl, v6("::ffff:192.0.2.1"), RRL_OTHER, 100, 1), OTHER_PER_S);
    assert_int_equal(passes(rrl, v4(0xc0000201), RRL_OTHER, 100, 1), 0);
    assert_int_equal(passes(rrl, v6("::ffff:198.51.100.1"), RRL_OTHER, 100, 1), OTHER_PER_S);
    rrl_free(rrl);
}

/* A heavy hitter stays known, and innocents pass, while many times more addresses than the table has room for go by. */
static void test_heavy_hitter_survives_a_random_flood(void **state)
{
    (void)state;
    struct rrl_settings settings = {.positive_per_s = 1000, .other_per_s = 10, .slip = 0, .table_entries = 1u << 14};
    struct rrl *rrl;
    assert_int_equal(rrl_new(&settings, &rrl), 0);
    uint32_t random = 2463534242u;
    unsigned hitter_passed = 0, innocents_limited = 0;
    const unsigned seconds = 10, floods_per_ms = 50;
    for (uint64_t at = 1; at <= seconds * 1000u; at++) {
        hitter_passed += passes(rrl, v4(0xc0000201), RRL_OTHER, 10, at);
        for (unsigned i = 0; i < floods_per_ms; i++) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            innocents_limited += count(rrl, v4(random), RRL_OTHER, at) != RRL_PASS;
        }
    }
    assert_in_range(hitter_passed, 10 * seconds - 1, 2 * 10 * (seconds + 1)); /* of 10,000 each second */
    assert_in_range(innocents_limited, 0, floods_per_ms * seconds);           /* 0.1 % */
    rrl_free(rrl);
}

static void test_bad_settings(void **state)
{
    (void)state;
    struct rrl *rrl;
    struct rrl_settings settings = {.positive_per_s = 1, .other_per_s = 1, .table_entries = 0};
    assert_int_equal(rrl_new(&settings, &rrl), TXTD_EINVAL);
    assert_null(rrl);
    settings.table_entries = (size_t)1 << 40;
    assert_int_equal(rrl_new(&settings, &rrl), TXTD_EINVAL);
    settings.table_entries = 1;
    settings.positive_per_s = UINT32_MAX; /* the price is less than a unit of load, and still limits something */
    assert_int_equal(rrl_new(&settings, &rrl), 0);
    assert_int_equal(passes(rrl, v4(1), RRL_POSITIVE, 100000, 1), 100000);
    rrl_free(rrl);
    rrl_free(NULL);
}

static void test_other_families_pass(void **state)
{
    (void)state;
    struct rrl *rrl = make(0);
    struct sockaddr_storage local = {.ss_family = AF_UNIX};
    assert_int_equal(passes(rrl, local, RRL_OTHER, 100, 1), 100);
    rrl_free(rrl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address_gets_its_rate_at_once_and_then_per_second),
        cmocka_unit_test(test_kinds_are_counted_apart),
        cmocka_unit_test(test_zero_is_no_limit),
        cmocka_unit_test(test_slip),
        cmocka_unit_test(test_v4_networks_have_multiples),
        cmocka_unit_test(test_v6_networks_have_multiples),
        cmocka_unit_test(test_limited_answers_are_charged_to_nobody),
        cmocka_unit_test(test_mapped_v4_is_v4),
        cmocka_unit_test(test_heavy_hitter_survives_a_random_flood),
        cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_other_families_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
