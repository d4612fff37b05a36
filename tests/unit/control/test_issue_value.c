/* The grammar of persistent values (RFC 8659 section 4.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/issue_value.h"

static void test_valid(void **unused)
{
    static const char *const rows[] = {
        "authority.example",
        "authority.example; accounturi=https://authority.example/acct/1",
        "authority.example;policy=wildcard",
        "authority.example; accounturi=https://authority.example/1; policy=wildcard; persistUntil=1782424856",
        " authority.example ; a=b ",
        "a-b.c",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!issue_value_valid(rows[i], strlen(rows[i]))) {
            fail_msg("refused: %s", rows[i]);
        }
    }
}

static void test_invalid(void **unused)
{
    static const char *const rows[] = {
        "",
        " ",
        ";",
        "; policy=wildcard", /* no issuer: it would forbid everybody */
        "-a.example",
        "a-.example",
        "a..example",
        ".example",
        "authority.example policy=wildcard",
        "authority.example; policy",
        "authority.example; =x",
        "authority.example; a=b c",
        "authority.example; a=\"b\"\n",
        "authority.example; \xc3\xa4=b",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (issue_value_valid(rows[i], strlen(rows[i]))) {
            fail_msg("taken: %s", rows[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid), cmocka_unit_test(test_invalid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
