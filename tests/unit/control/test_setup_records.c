/* The records that a customer adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/setup_records.h"

#define FULLDOMAIN "8e5700ea-a4bf-41c7-8a77-e990661dcc6a.auth.example.org"

static void test_domains(void **unused)
{
    static const struct {
        const char *text, *domain; /* NULL: refused */
        int wildcard;
    } rows[] = {
        {"example.com", "example.com", 0},
        {"Example.COM.", "example.com", 0},
        {"*.example.com", "example.com", 1},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", 0},
        {"", NULL, 0},
        {".", NULL, 0},
        {"a..b", NULL, 0},
        {"*.", NULL, 0},
        {"a.*.b", NULL, 0},
        {"a b.example", NULL, 0},
        {"a\nb.example", NULL, 0},
        {"0123456789012345678901234567890123456789012345678901234567890123.example", NULL, 0},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct setup_question question = {.wildcard = false};
        int code = setup_question_domain(&question, rows[i].text, strlen(rows[i].text));
        if (rows[i].domain == NULL) {
            assert_int_equal(code, TXTD_EINVAL);
            continue;
        }
        assert_int_equal(code, 0);
        assert_string_equal(question.domain, rows[i].domain);
        assert_int_equal(question.wildcard, rows[i].wildcard);
    }
}

/* The example of draft-ietf-acme-dns-account-label. */
static void test_account_label(void **unused)
{
    static const char url[] = "https://example.com/acme/acct/ExampleAccount";
    char label[SETUP_LABEL_MAX];
    (void)unused;
    assert_int_equal(setup_account_label(url, strlen(url), label), 0);
    assert_string_equal(label, "_ujmmovf2vn55tgye");
}

static const struct setup_record *find(const struct setup_record records[], int count, const char *purpose)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(records[i].purpose, purpose) == 0) {
            return &records[i];
        }
    }
    return NULL;
}

static void test_records(void **unused)
{
    static const char url[] = "https://authority.example/acct/1", issuer[] = "authority.example";
    struct setup_question question = {.fulldomain = FULLDOMAIN};
    struct setup_record records[SETUP_RECORDS_MAX];
    (void)unused;
    assert_int_equal(setup_question_domain(&question, "example.com", 11), 0);
    int count = setup_records_make(&question, records);
    const struct setup_record *record = find(records, count, "dns-01");
    assert_non_null(record);
    assert_string_equal(record->name, "_acme-challenge.example.com.");
    assert_string_equal(record->type, "CNAME");
    assert_string_equal(record->value, FULLDOMAIN ".");
    assert_null(find(records, count, "dns-account-01")); /* nobody knows the account */

    assert_int_equal(setup_question_account_url(&question, url, strlen(url)), 0);
    assert_int_equal(setup_question_issuer(&question, issuer, strlen(issuer)), 0);
    count = setup_records_make(&question, records);
    assert_non_null(find(records, count, "dns-account-01"));
    record = find(records, count, "dns-persist-01");
    assert_non_null(record);
    assert_string_equal(record->name, "_validation-persist.example.com.");
    record = find(records, count, "caa");
    assert_non_null(record);
    assert_string_equal(record->type, "CAA");
    assert_non_null(strstr(record->value, "accounturi=https://authority.example/acct/1"));
    assert_non_null(strstr(record->value, "validationmethods=dns-01,dns-account-01\""));

    question.persistent = true;
    question.wildcard = true;
    count = setup_records_make(&question, records);
    for (int i = count - 2; i < count; i++) {
        assert_string_equal(records[i].purpose, "caa");
        assert_non_null(strstr(records[i].value, "validationmethods=dns-01,dns-account-01,dns-persist-01\""));
    }
}

static void test_refused(void **unused)
{
    static const char *const urls[] = {
        "", "x", "ftp://a.example/", "https://", "https://a b/", "https://a/;x=1", "https://a/\"q"};
    static const char *const issuers[] = {"a..b", "a;b", "a b", "-a.b", "\xc3\xa4.example"};
    struct setup_question question = {.fulldomain = FULLDOMAIN};
    (void)unused;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        if (setup_question_account_url(&question, urls[i], strlen(urls[i])) == 0) {
            fail_msg("taken: %s", urls[i]);
        }
    }
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
        if (setup_question_issuer(&question, issuers[i], strlen(issuers[i])) == 0) {
            fail_msg("taken: %s", issuers[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_account_label),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
