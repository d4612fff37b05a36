/* Domain names as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/txtctl/dns_name.h"

static void test_parent(void **state)
{
    (void)state;
    static const char *const up[][2] = {
        {"www.example.com.", "example.com."},
        {"com.", "."},
        {"a\\.b.c.", "c."},
        {"a\\\\.c.", "c."},
        {"a\\046b.c.", "c."},
        {"a.b", "b"},
    };
    char name[DNS_NAME_TEXT_MAX];
    for (size_t i = 0; i < sizeof up / sizeof up[0]; i++) {
        (void)strcpy(name, up[i][0]);
        assert_true(dns_name_parent(name));
        assert_string_equal(name, up[i][1]);
    }
    (void)strcpy(name, ".");
    assert_false(dns_name_parent(name));
    assert_string_equal(name, ".");
    name[0] = '\0';
    assert_false(dns_name_parent(name));
}

static void test_text(void **state)
{
    (void)state;
    char text[DNS_NAME_TEXT_MAX];
    ldns_rdf *name = ldns_dname_new_frm_str("WWW.example.com");
    assert_true(dns_name_text(name, text));
    assert_string_equal(text, "WWW.example.com.");
    ldns_rdf_deep_free(name);
    uint8_t wire[255] = {0}; /* the longest name, each octet of it escaped: \001 ... */
    for (size_t at = 0, label = 0; label < 4; label++) {
        uint8_t len = label < 3 ? 63 : 61;
        wire[at++] = len;
        memset(wire + at, 1, len);
        at += len;
    }
    name = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, sizeof wire, wire);
    assert_true(dns_name_text(name, text));
    assert_int_equal(strlen(text), 250 * 4 + 4);
    ldns_rdf_deep_free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parent), cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
