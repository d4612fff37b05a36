/* Numbers of records that do not fit their fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/zone_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const fine[] = {
    "a MX 0 b.",
    "a 60 IN MX 65535 b.",
    " 1w2d3h4m5s MX 007 b.",
    "a.b\\ c 4294967295 MX 1 b.",
    "a 60 CLASS1 TYPE15 \\# 4 00010000",
    "a SOA b. c. 4294967295 1h 2 3 4294967295",
    "a SRV 65535 65535 65535 b.",
    "a CAA 255 issue \"300 70000\"",
    "a TLSA 3 1 1 aa bb",
    "a TLSA DANE-EE SPKI SHA2-256 aabb",
    "a SSHFP 255 255 aabb",
    "a DS 65535 255 255 aabb",
    "a DNSKEY 257 3 ECDSAP256SHA256 aaaa",
    "a CERT PKIX 65535 255 aaaa",
    "a HTTPS 1 . alpn=h2 port=65535",
    "a TXT 70000 -1 +5",
    "a A 192.0.2.1",
    "a TYPE65280 \\# 2 0a0b",
    "a TYPE65280 \\# 0",
    "a NAPTR 65535 65535 \"u\" \"x\" \"\" .",
    "a LOC 90 0 0 N 180 0 0 W -100000m",
    "a LOC 42 21 54.123 S 71 6 18 E -24.50m 30m 10m 2m",
    "a LOC 89 59 59.999 N 179 59 59.999 W 42849672.95m 90000000m",
    "a LOC 42 N 71 W 0m",
    "a LOC 42 30 N 71 59 W",
    "a LOC \\# 16 00121613 97da11a8 90d39c78 00989680",
    "a APL 1:192.0.2.0/32 !2:2001:db8::/128 1:0.0.0.0/0",
    "a APL",
};

static const struct {
    const char *record, *error;
} bad[] = {
    {"a MX 70000 b.", "\"70000\" is no number from 0 to 65535"},
    {"a MX 65536 b.", "\"65536\""},
    {"a MX -1 b.", "\"-1\""},
    {"a MX +1 b.", "\"+1\""},
    {"a MX 18446744073709551616 b.", "\"18446744073709551616\""},
    {" 60 IN SRV 0 70000 5 b.", "\"70000\""},
    {"a SRV 0 0 65536 b.", "\"65536\""},
    {"a CAA 256 issue \"x\"", "\"256\" is no number from 0 to 255"},
    {"a TLSA 256 0 0 aabb", "\"256\""},
    {"a TLSA 3 1 1 aab", "half an octet"},
    {"a TLSA 3 1 1 aa b", "half an octet"},
    {"a SSHFP 1 300 aabb", "\"300\""},
    {"a DS 70000 13 2 aabb", "\"70000\""},
    {"a DNSKEY 257 3 300 aaaa", "\"300\""},
    {"a CERT 70000 1 1 aaaa", "\"70000\""},
    {"a NAPTR 1 70000 \"u\" \"x\" \"\" .", "\"70000\""},
    {"a URI 70000 1 \"x\"", "\"70000\""},
    {"a HTTPS 1 . alpn=h2 port=70000", "\"port=70000\""},
    {"a SVCB 1 . port=65536", "\"port=65536\""},
    {"a SOA b. c. 4294967296 2 3 4 5", "\"4294967296\""},
    {"a SOA b. c. 1 2 3 4 4294967296", "\"4294967296\""},
    {"a SOA b. c. 1 2 3 4 9999w", "\"9999w\""},
    {"a 4294967296 MX 1 b.", "\"4294967296\""},
    {"a 7102w MX 1 b.", "\"7102w\""},
    {"a CLASS65537 MX 1 b.", "\"CLASS65537\""},
    {"a TYPE65551 \\# 4 00010000", "\"TYPE65551\""},
    {"a MX \\# 2 0001", "before its last field"},
    {"a LOC 91 N 10 E 0m", "\"91\" is no latitude: 0 to 90 degrees"},
    {"a LOC 90 0 0.001 S 10 0 0 E 0m", "\"90\" is no latitude"},
    {"a LOC 10 0 0 N 181 0 0 E 0m", "\"181\" is no longitude: 0 to 180 degrees"},
    {"a LOC 10 0 0 N 180 0 0.5 W 0m", "\"180\" is no longitude"},
    {"a LOC 10 60 0 N 10 0 0 E 0m", "\"60\" is no latitude"},
    {"a LOC 10 0 0 N 10 0 60 E 0m", "\"60\" is no longitude"},
    {"a LOC 42 21 54 N 71 W 0m", "both latitude and longitude"},
    {"a LOC 10 0 0 N 10 0 0 E 42849672.96m", "no altitude from"},
    {"a LOC 10 0 0 N 10 0 0 E -100000.01m", "no altitude from"},
    {"a LOC 10 0 0 N 10 0 0 E 99999999999m", "no altitude from"},
    {"a LOC 10 0 0 N 10 0 0 E 1e3m", "no altitude from"},
    {"a APL 1:192.0.2.0/33", "\"1:192.0.2.0/33\" is no prefix 1:address/0 to 32"},
    {"a APL 1:192.0.2.0/24 !2:2001:db8::/129", "\"!2:2001:db8::/129\" is no prefix 2:address/0 to 128"},
};

/* libldns reads it, whatever the check says. */
static int check(const char *record, struct error_detail *detail)
{
    ldns_rr *rr = NULL;
    ldns_rdf *owner = ldns_dname_new_frm_str("o.");
    if (ldns_rr_new_frm_str(&rr, record, 1, NULL, &owner) != LDNS_STATUS_OK) {
        fail_msg("libldns does not read %s", record);
    }
    int result = zone_numbers_check(record, rr, detail);
    ldns_rr_free(rr);
    ldns_rdf_deep_free(owner);
    return result;
}

static void test_what_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fine); i++) {
        struct error_detail detail = {""};
        if (check(fine[i], &detail) != 0) {
            fail_msg("%s: %s", fine[i], detail.text);
        }
    }
}

static void test_what_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error_detail detail = {""};
        if (check(bad[i].record, &detail) != TXTD_EINVAL || strstr(detail.text, bad[i].error) == NULL) {
            fail_msg("%s: \"%s\"", bad[i].record, detail.text);
        }
    }
}

static void test_periods(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        uint32_t seconds;
    } rows[] = {
        {"0", 0, 0},
        {"300", 0, 300},
        {"1h30m", 0, 5400},
        {"1W1D1H1M1S", 0, 694861},
        {"4294967295", 0, UINT32_MAX},
        {"4294967296", TXTD_EINVAL, 0},
        {"99999999999999999999999999", TXTD_EINVAL, 0},
        {"99999999999999999999999999s", TXTD_EINVAL, 0},
        {"4294967295s1s", TXTD_EINVAL, 0},
        {"7102w", TXTD_EINVAL, 0},
        {"", TXTD_EINVAL, 0},
        {"h", TXTD_EINVAL, 0},
        {"1x", TXTD_EINVAL, 0},
        {"-1", TXTD_EINVAL, 0},
        {"1 h", TXTD_EINVAL, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t seconds = 0;
        assert_int_equal(zone_numbers_period(rows[i].text, strlen(rows[i].text), &seconds), rows[i].result);
        assert_int_equal(seconds, rows[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_what_does_not),
        cmocka_unit_test(test_periods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
