/* What stands in the audit log and the history of a change: whole, quoted, and never longer than it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/allowfrom.h"
#include "control/change_text.h"

static char text[CHANGE_TEXT_MAX + 1];

static void assert_text(size_t len, const char *expected)
{
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void add_value(struct delegate_state *state, const char *value)
{
    struct delegate_value *added = &state->values[state->values_count++];
    added->len = (uint8_t)strlen(value);
    memcpy(added->text, value, added->len);
}

static void test_values(void **unused)
{
    (void)unused;
    static struct delegate_state state;
    memset(&state, 0, sizeof state);
    assert_text(change_text_values(&state, text, CHANGE_TEXT_MAX), "");
    add_value(&state, "one");
    add_value(&state, "a \"b\" \\c");
    assert_text(change_text_values(&state, text, CHANGE_TEXT_MAX), "\"one\" \"a \\\"b\\\" \\\\c\"");
    assert_text(change_text_values(&state, text, 9), "\"one\" ...");
    assert_text(change_text_values(&state, text, 5), "\"o...");
    assert_text(change_text_values(&state, text, 2), "\"o");
}

static void test_persistent(void **unused)
{
    (void)unused;
    static struct delegate_state state;
    memset(&state, 0, sizeof state);
    assert_int_equal(delegate_persistent_add(&state, "ca.example", 10), 0);
    assert_int_equal(delegate_persistent_add(&state, "b.example; policy=wildcard", 26), 0);
    assert_text(change_text_persistent(&state, text, CHANGE_TEXT_MAX), "\"ca.example\" \"b.example; policy=wildcard\"");
    assert_text(change_text_persistent(&state, text, 18), "\"ca.example\" \"b...");
}

static void test_settings(void **unused)
{
    (void)unused;
    struct store_cidr cidrs[2];
    assert_int_equal(allowfrom_parse("192.0.2.0/24", 12, &cidrs[0]), 0);
    assert_int_equal(allowfrom_parse("2001:db8::/32", 13, &cidrs[1]), 0);
    assert_text(change_text_settings(cidrs, 2, true, text, CHANGE_TEXT_MAX),
                "allowfrom 192.0.2.0/24 2001:db8::/32, note");
    assert_text(change_text_settings(cidrs, 0, false, text, CHANGE_TEXT_MAX), "allowfrom everywhere");
    assert_text(change_text_settings(NULL, 2, true, text, CHANGE_TEXT_MAX), "note");
    assert_text(change_text_settings(NULL, 0, false, text, CHANGE_TEXT_MAX), "");
    assert_text(change_text_settings(cidrs, 2, true, text, 25), "allowfrom 192.0.2.0/24...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_persistent),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
