/* Prefixes from which a key is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "control/allowfrom.h"

static struct store_cidr parsed(const char *text)
{
    struct store_cidr cidr;
    if (allowfrom_parse(text, strlen(text), &cidr) != 0) {
        fail_msg("%s was refused", text);
    }
    return cidr;
}

/* An address in IPv6 form. */
static const uint8_t *address(const char *text)
{
    static uint8_t octets[16];
    memset(octets, 0, sizeof octets);
    if (inet_pton(AF_INET6, text, octets) != 1) {
        octets[10] = octets[11] = 0xff;
        assert_int_equal(inet_pton(AF_INET, text, octets + 12), 1);
    }
    return octets;
}

static void test_read_and_write(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"123.123.123.123/32", "123.123.123.123/32"},
        {"10.1.2.3/8", "10.1.2.3/8"}, /* host bits are given back as they came */
        {"2001:db8:a0b:12f0::1/32", "2001:db8:a0b:12f0::1/32"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::/0", "::/0"},
        {"::1/128", "::1/128"},
        {"[::1]/64", "::1/64"},
        {"[192.0.2.1]/32", "192.0.2.1/32"},
        {"::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ALLOWFROM_TEXT_MAX];
        struct store_cidr cidr = parsed(rows[i].text);
        allowfrom_format(&cidr, text);
        assert_string_equal(text, rows[i].written);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "/",
                                       "invalid",
                                       "1.2.3.4",
                                       "::1",
                                       "1.2.3.4/",
                                       "1.2.3.4/33",
                                       "1.2.3.4/-1",
                                       "1.2.3.4/+1",
                                       "1.2.3.4/1000",
                                       "1.2.3.4/8/8",
                                       "1.2.3/24",
                                       "1.2.3.4.5/24",
                                       "256.0.0.1/8",
                                       "01.2.3.4/8",
                                       " 1.2.3.4/8",
                                       "1.2.3.4/8 ",
                                       "1.2.3.4 /8",
                                       "1.2.3.4/ 8",
                                       "1.2.3.4/0x8",
                                       "1.2.3.4/a",
                                       "::1/129",
                                       "::g/64",
                                       "1:2:3/64",
                                       "fe80::1%lo/64",
                                       "[::1/64",
                                       "::1]/64",
                                       "[]/64",
                                       "[[::1]]/64",
                                       "1234:4567:89ab:cdef:1234:4567:89ab:cdef:1234/64",
                                       "1111111111111111111111111111111111111111111111111111111111111111/8"};
    struct store_cidr cidr;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (allowfrom_parse(rows[i], strlen(rows[i]), &cidr) != TXTD_EINVAL) {
            fail_msg("\"%s\" was taken", rows[i]);
        }
    }
    assert_int_equal(allowfrom_parse("1.2.3.4\0/8", 10, &cidr), TXTD_EINVAL);
}

static void test_match(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *client;
        bool matches;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.77/24", "192.0.2.1", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.0", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false}, /* all of IPv6 is not all of IPv4 */
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::8/125", "2001:db8::f", true},
        {"2001:db8::8/125", "2001:db8::10", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct store_cidr cidr = parsed(rows[i].prefix);
        if (allowfrom_match(&cidr, 1, address(rows[i].client)) != rows[i].matches) {
            fail_msg("%s in %s", rows[i].client, rows[i].prefix);
        }
    }
}

static void test_match_any_of(void **state)
{
    (void)state;
    struct store_cidr cidrs[] = {parsed("192.0.2.0/24"), parsed("2001:db8::/32")};
    assert_true(allowfrom_match(cidrs, 2, address("2001:db8::1")));
    assert_true(allowfrom_match(cidrs, 2, address("192.0.2.1")));
    assert_false(allowfrom_match(cidrs, 2, address("198.51.100.1")));
    assert_true(allowfrom_match(cidrs, 0, address("198.51.100.1"))); /* none: from everywhere */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read_and_write), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_match), cmocka_unit_test(test_match_any_of)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
