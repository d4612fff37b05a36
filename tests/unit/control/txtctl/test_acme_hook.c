/* How ACME clients call their hooks: one row for each call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/txtctl/acme_hook.h"
#include "dataplane/error.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void test_calls(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[12];
        const char *validation, *output;
        int result;
        bool publishes, declined;
        const char *values[3];
    } rows[] = {
        {{"begin", "dns-01", "a.example", "token", "value"}, NULL, NULL, 0, true, false, {"value"}},
        {{"done", "dns-01", "a.example", "token", "value"}, NULL, NULL, 0, false, false, {"value"}},
        {{"failed", "dns-01", "a.example", "token", "-v"}, NULL, NULL, 0, false, false, {"-v"}},
        {{"begin", "http-01", "a.example", "token", "value"}, NULL, NULL, 0, true, true, {NULL}},
        {{"done", "http-01", "a.example", "token", "value"}, NULL, NULL, 0, false, false, {NULL}},
        {{"begin", "dns-01", "a.example"}, NULL, NULL, TXTD_EINVAL, false, false, {NULL}},
        {{"deploy_challenge", "a.example", "t", "v1"}, NULL, NULL, 0, true, false, {"v1"}},
        {{"deploy_challenge", "a", "t", "v1", "b", "u", "v2"}, NULL, NULL, 0, true, false, {"v1", "v2"}},
        {{"clean_challenge", "a", "t", "v1", "b", "u", "v2"}, NULL, NULL, 0, false, false, {"v1", "v2"}},
        {{"deploy_challenge", "a", "t", "v1", "b"}, NULL, NULL, TXTD_EINVAL, true, false, {NULL}},
        {{"startup_hook"}, NULL, NULL, 0, false, false, {NULL}},
        {{NULL}, "value", NULL, 0, true, false, {"value"}},
        {{NULL}, "value", "", 0, false, false, {"value"}},
        {{NULL}, "", NULL, TXTD_EINVAL, false, false, {NULL}},
        {{NULL}, NULL, NULL, TXTD_EINVAL, false, false, {NULL}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct acme_hook_call call;
        int count = 0;
        while (rows[i].arguments[count] != NULL) {
            count++;
        }
        assert_int_equal(acme_hook_understand(count, (char *const *)(uintptr_t)rows[i].arguments, rows[i].validation,
                                              rows[i].output, &call),
                         rows[i].result);
        if (rows[i].result != 0) {
            continue;
        }
        unsigned values = 0;
        for (; rows[i].values[values] != NULL; values++) {
            assert_true(values < call.values_count);
            assert_string_equal(call.values[values], rows[i].values[values]);
        }
        assert_int_equal(call.values_count, values);
        assert_int_equal(call.declined, rows[i].declined);
        assert_true(values == 0 || call.publishes == rows[i].publishes);
    }
}

static void test_too_many_values(void **state)
{
    (void)state;
    static char word[] = "word";
    char *arguments[1 + 3 * (ACME_HOOK_VALUES_MAX + 1)] = {(char *)(uintptr_t) "deploy_challenge"};
    struct acme_hook_call call;
    for (size_t i = 1; i < COUNT(arguments); i++) {
        arguments[i] = word;
    }
    assert_int_equal(acme_hook_understand((int)COUNT(arguments) - 3, arguments, NULL, NULL, &call), 0);
    assert_int_equal(call.values_count, ACME_HOOK_VALUES_MAX);
    assert_int_equal(acme_hook_understand((int)COUNT(arguments), arguments, NULL, NULL, &call), TXTD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_too_many_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
