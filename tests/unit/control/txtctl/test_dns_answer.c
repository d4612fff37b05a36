/* What answers say: records, values, errors, and for how long nothing is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/txtctl/dns_answer.h"

#define VALUE "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo"

/* An answer with these records in presentation form; NULL: none. */
static ldns_pkt *make(ldns_pkt_rcode rcode, const char *answer, const char *authority)
{
    static const ldns_pkt_section sections[] = {LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY};
    const char *const texts[] = {answer, authority};
    ldns_pkt *made = ldns_pkt_new();
    ldns_pkt_set_rcode(made, (uint8_t)rcode);
    for (size_t i = 0; i < 2; i++) {
        ldns_rr *record = NULL;
        if (texts[i] != NULL) {
            assert_int_equal(ldns_rr_new_frm_str(&record, texts[i], 0, NULL, NULL), LDNS_STATUS_OK);
            assert_true(ldns_pkt_push_rr(made, sections[i], record));
        }
    }
    return made;
}

static void test_negative_ttl(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *authority;
        uint32_t ttl_s;
    } rows[] = {
        {NULL, "example. 60 IN SOA ns.example. h.example. 1 2 3 4 300", 60},
        {NULL, "example. 600 IN SOA ns.example. h.example. 1 2 3 4 300", 300},
        {"example. 600 IN SOA ns.example. h.example. 1 2 3 4 5", NULL, 5},
        {"a.example. 1 IN TXT \"" VALUE "\"", NULL, 0},
        {NULL, "example. 600 IN NS ns.example.", 0},
        {NULL, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ldns_pkt *answer = make(LDNS_RCODE_NOERROR, rows[i].answer, rows[i].authority);
        assert_int_equal(dns_answer_negative_ttl_s(answer), rows[i].ttl_s);
        ldns_pkt_free(answer);
    }
}

static void test_check(void **state)
{
    (void)state;
    static const struct {
        ldns_pkt_rcode rcode;
        int result;
        const char *text;
    } rows[] = {{LDNS_RCODE_NOERROR, 0, ""},
                {LDNS_RCODE_NXDOMAIN, 0, ""},
                {LDNS_RCODE_SERVFAIL, TXTD_ESYS, "it answers SERVFAIL for a.example."},
                {LDNS_RCODE_REFUSED, TXTD_ESYS, "it answers REFUSED for a.example."}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error_detail detail = {""};
        ldns_pkt *answer = make(rows[i].rcode, NULL, NULL);
        assert_int_equal(dns_answer_check(answer, "it", "a.example.", &detail), rows[i].result);
        assert_string_equal(detail.text, rows[i].text);
        ldns_pkt_free(answer);
    }
}

static void test_records(void **state)
{
    (void)state;
    ldns_pkt *answer = make(LDNS_RCODE_NOERROR, "A.example. 1 IN TXT \"" VALUE "\"", NULL);
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    assert_non_null(dns_answer_find(records, LDNS_RR_TYPE_TXT, NULL));
    assert_non_null(dns_answer_find(records, LDNS_RR_TYPE_TXT, "a.example."));
    assert_null(dns_answer_find(records, LDNS_RR_TYPE_TXT, "b.example."));
    assert_null(dns_answer_find(records, LDNS_RR_TYPE_CNAME, NULL));
    assert_int_equal(dns_answer_count(answer, LDNS_RR_TYPE_TXT), 1);
    assert_int_equal(dns_answer_count(answer, LDNS_RR_TYPE_A), 0);
    assert_true(dns_answer_has_value(answer, VALUE));
    assert_false(dns_answer_has_value(answer, VALUE "a"));
    assert_false(dns_answer_has_value(answer, "LPs"));
    ldns_pkt_free(answer);
    answer = make(LDNS_RCODE_NOERROR, "a.example. 1 IN TXT \"two\" \" words\"",
                  NULL); /* strings of one record belong together */
    assert_true(dns_answer_has_value(answer, "two words"));
    assert_false(dns_answer_has_value(answer, "two"));
    ldns_pkt_free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_negative_ttl), cmocka_unit_test(test_check),
                                       cmocka_unit_test(test_records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
