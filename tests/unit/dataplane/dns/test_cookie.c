/* The vectors of RFC 9018 appendix A.1 and of the SipHash paper (appendix A), and what a cookie must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "dataplane/dns/cookie.h"

static const uint8_t secret_1[16] = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
                                     0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf};
static const uint8_t other_secret[16] = {0xe5};

/* A.1: a new server cookie */
static const uint8_t client_1[8] = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57};
static const uint8_t address_1[4] = {198, 51, 100, 100};
static const uint8_t cookie_1[24] = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57, 0x01, 0x00, 0x00, 0x00,
                                     0x5c, 0xf7, 0x9f, 0x11, 0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80};
#define TIME_1 1559731985u

static void hashes_as_siphash_does(void **state)
{
    (void)state;
    uint8_t key[16], data[15];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = i;
        data[i % 15] = (uint8_t)(i % 15);
    }
    assert_true(siphash_2_4(key, data, sizeof data) == UINT64_C(0xa129ca6149be45e5));
}

static void makes_the_cookie_of_the_rfc(void **state)
{
    (void)state;
    uint8_t cookie[24];
    cookie_make(client_1, address_1, sizeof address_1, TIME_1, secret_1, cookie);
    assert_memory_equal(cookie, cookie_1, sizeof cookie);
}

static void checks_age(void **state)
{
    (void)state;
#define CHECK(now) cookie_check(cookie_1, 24, address_1, 4, (now), secret_1)
    assert_int_equal(CHECK(TIME_1), COOKIE_VALID);
    assert_int_equal(CHECK(TIME_1 + 1800), COOKIE_VALID);
    assert_int_equal(CHECK(TIME_1 + 1801), COOKIE_VALID_RENEW);
    assert_int_equal(CHECK(TIME_1 + 3600), COOKIE_VALID_RENEW);
    assert_int_equal(CHECK(TIME_1 + 3601), COOKIE_INVALID);
    assert_int_equal(CHECK(TIME_1 - 300), COOKIE_VALID);
    assert_int_equal(CHECK(TIME_1 - 301), COOKIE_INVALID);
}

static void refuses_what_was_changed(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 24 * 8; bit++) {
        uint8_t changed[24];
        memcpy(changed, cookie_1, sizeof changed);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(cookie_check(changed, 24, address_1, 4, TIME_1, secret_1), COOKIE_INVALID);
    }
    static const uint8_t other[4] = {198, 51, 100, 101};
    assert_int_equal(cookie_check(cookie_1, 24, other, 4, TIME_1, secret_1), COOKIE_INVALID);
    assert_int_equal(cookie_check(cookie_1, 23, address_1, 4, TIME_1, secret_1), COOKIE_INVALID);
    assert_int_equal(cookie_check(cookie_1, 24, address_1, 4, TIME_1, other_secret), COOKIE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_siphash_does),
        cmocka_unit_test(makes_the_cookie_of_the_rfc),
        cmocka_unit_test(checks_age),
        cmocka_unit_test(refuses_what_was_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
