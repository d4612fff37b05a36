/* The slot rule: the newest distinct values, by order of calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/rotation.h"

enum { NOW = 1000 };

static void put(struct delegate_state *delegate, unsigned slots, const char *value)
{
    assert_int_equal(rotation_apply(delegate, slots, 0, value, strlen(value), NOW), 0);
}

/* Compares with a string such as "a b". */
static void assert_values(const struct delegate_state *delegate, const char *expected)
{
    char text[512] = "";
    for (unsigned i = 0; i < delegate->values_count; i++) {
        strcat(text, i == 0 ? "" : " ");
        strncat(text, delegate->values[i].text, delegate->values[i].len);
    }
    assert_string_equal(text, expected);
}

static void test_two_newest(void **state)
{
    (void)state;
    struct delegate_state delegate = {0};
    put(&delegate, 2, "a");
    assert_values(&delegate, "a");
    put(&delegate, 2, "b");
    put(&delegate, 2, "c");
    put(&delegate, 2, "d");
    assert_values(&delegate, "c d"); /* all in the same second */
    assert_int_equal(delegate.values[1].set_at_s, NOW);
    assert_int_equal(delegate.expires_at_s, 0);
}

static void test_repeat_is_no_second_record(void **state)
{
    (void)state;
    struct delegate_state delegate = {0};
    put(&delegate, 2, "a");
    put(&delegate, 2, "a");
    assert_values(&delegate, "a");
    put(&delegate, 2, "b");
    put(&delegate, 2, "a"); /* refreshed: now the newest */
    assert_values(&delegate, "b a");
    put(&delegate, 2, "c");
    assert_values(&delegate, "a c");
}

static void test_slots(void **state)
{
    (void)state;
    struct delegate_state delegate = {0};
    for (char value[] = "a"; value[0] <= 'r'; value[0]++) {
        put(&delegate, DELEGATE_VALUES_MAX, value);
    }
    assert_int_equal(delegate.values_count, DELEGATE_VALUES_MAX);
    assert_values(&delegate, "c d e f g h i j k l m n o p q r");
    put(&delegate, DELEGATE_VALUES_MAX, "j");
    assert_values(&delegate, "c d e f g h i k l m n o p q r j");
    put(&delegate, 3, "x"); /* configured down */
    assert_values(&delegate, "r j x");
}

static void test_expiry(void **state)
{
    (void)state;
    struct delegate_state delegate = {0};
    assert_int_equal(rotation_apply(&delegate, 2, 60, "a", 1, NOW), 0);
    assert_int_equal(delegate.expires_at_s, NOW + 60);
    assert_int_equal(rotation_apply(&delegate, 2, 60, "b", 1, NOW + 59), 0);
    assert_values(&delegate, "a b");
    assert_int_equal(delegate.expires_at_s, NOW + 119);
    assert_int_equal(rotation_apply(&delegate, 2, 60, "c", 1, NOW + 119), 0);
    assert_values(&delegate, "c"); /* what had expired does not come back */
    assert_int_equal(rotation_apply(&delegate, 2, 0, "d", 1, NOW + 120), 0);
    assert_int_equal(delegate.expires_at_s, 0);
}

static void test_refusals_change_nothing(void **state)
{
    (void)state;
    struct delegate_state delegate = {0}, before;
    char value[DELEGATE_VALUE_LEN_MAX + 1];
    memset(value, 'v', sizeof value);
    assert_int_equal(rotation_apply(&delegate, 2, 0, value, DELEGATE_VALUE_LEN_MAX, NOW), 0);
    before = delegate;
    assert_int_equal(rotation_apply(&delegate, 2, 0, value, DELEGATE_VALUE_LEN_MAX + 1, NOW), TXTD_EINVAL);
    assert_int_equal(rotation_apply(&delegate, 2, 0, value, 0, NOW), TXTD_EINVAL);
    assert_int_equal(rotation_apply(&delegate, 0, 0, value, 1, NOW), TXTD_EINVAL);
    assert_int_equal(rotation_apply(&delegate, DELEGATE_VALUES_MAX + 1, 0, value, 1, NOW), TXTD_EINVAL);
    assert_memory_equal(&delegate, &before, sizeof delegate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_newest),
        cmocka_unit_test(test_repeat_is_no_second_record),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_refusals_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
