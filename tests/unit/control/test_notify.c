/* Which process the service manager would take for the successor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/notify.h"

static void test_successor(void **state)
{
    char groups[NOTIFY_GROUPS_MAX];
    (void)state;
    notify_own_groups(groups);
    assert_non_null(strstr(groups, ":/"));

    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_true(notify_takes_successor("0::/user.slice\n")); /* nobody is asked */
    assert_true(notify_takes_successor(NULL));

    assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1), 0);
    assert_true(notify_takes_successor(groups));
    assert_false(notify_takes_successor("0::/somewhere/else\n"));
    assert_false(notify_takes_successor(""));
    assert_false(notify_takes_successor(NULL)); /* an older program, which does not say */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_successor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
