/* CAA records taken apart (RFC 8659 section 4, RFC 8657). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/txtctl/caa_property.h"

static int read_text(const char *rdata, struct caa_property *property)
{
    char line[2048];
    ldns_rr *record = NULL;
    (void)snprintf(line, sizeof line, "example.com. 60 IN CAA %s", rdata);
    assert_int_equal(ldns_rr_new_frm_str(&record, line, 60, NULL, NULL), LDNS_STATUS_OK);
    int rc = caa_property_read(record, property);
    ldns_rr_free(record);
    return rc;
}

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *rdata, *tag, *issuer, *account, *methods;
        bool critical, known, dns01;
    } rows[] = {
        {"0 issue \"ca.test\"", "issue", "ca.test", "", "", false, true, true},
        {"0 issue \";\"", "issue", "", "", "", false, true, true},
        {"0 issuewild \" ca.test ; validationmethods=dns-01\"", "issuewild", "ca.test", "", "dns-01", false, true,
         true},
        {"0 ISSUE \"ca.test;accounturi=https://ca.test/1; validationmethods=http-01,dns-01\"", "ISSUE", "ca.test",
         "https://ca.test/1", "http-01,dns-01", false, true, true},
        {"0 issue \"ca.test; validationmethods=http-01, tls-alpn-01\"", "issue", "ca.test", "", "http-01, tls-alpn-01",
         false, true, false},
        {"0 issue \"ca.test; validationmethods=xdns-01\"", "issue", "ca.test", "", "xdns-01", false, true, false},
        {"128 tbs \"unknown\"", "tbs", "unknown", "", "", true, false, true},
        {"0 iodef \"mailto:a@example.com\"", "iodef", "mailto:a@example.com", "", "", false, true, true},
        {"0 issue \"ca.test;;=;x\"", "issue", "ca.test", "", "", false, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct caa_property property;
        assert_int_equal(read_text(rows[i].rdata, &property), 0);
        assert_string_equal(property.tag, rows[i].tag);
        assert_string_equal(property.issuer, rows[i].issuer);
        assert_string_equal(property.account, rows[i].account);
        assert_string_equal(property.methods, rows[i].methods);
        assert_int_equal(property.critical, rows[i].critical);
        assert_int_equal(property.known, rows[i].known);
        assert_int_equal(caa_property_allows_method(&property, "dns-01"), rows[i].dns01);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    struct caa_property property;
    ldns_rr *record = NULL;
    assert_int_equal(ldns_rr_new_frm_str(&record, "example.com. 60 IN A 192.0.2.1", 60, NULL, NULL), LDNS_STATUS_OK);
    assert_int_equal(caa_property_read(record, &property), TXTD_EINVAL);
    ldns_rr_free(record);
    char rdata[1500] = "0 issue \"";
    memset(rdata + 9, 'a', 1200);
    rdata[1209] = '"';
    assert_int_equal(read_text(rdata, &property), TXTD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
