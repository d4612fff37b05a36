/* Numbers on the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/txtctl/options.h"
#include "dataplane/error.h"

static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned long min, max;
        int result;
        unsigned long number;
    } rows[] = {
        {"1", 1, 3600, 0, 1},
        {"3600", 1, 3600, 0, 3600},
        {"007", 0, 10, 0, 7},
        {"0", 0, 10, 0, 0},
        {"0", 1, 10, TXTD_EINVAL, 0},
        {"11", 1, 10, TXTD_EINVAL, 0},
        {"", 0, 10, TXTD_EINVAL, 0},
        {" 1", 0, 10, TXTD_EINVAL, 0},
        {"+1", 0, 10, TXTD_EINVAL, 0},
        {"-1", 0, UINT32_MAX, TXTD_EINVAL, 0},
        {"1x", 0, 10, TXTD_EINVAL, 0},
        {"1.0", 0, 10, TXTD_EINVAL, 0},
        {"0x1", 0, 10, TXTD_EINVAL, 0},
        {"18446744073709551616", 0, UINT32_MAX, TXTD_EINVAL, 0},
        {"99999999999999999999999999999999", 0, UINT32_MAX, TXTD_EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned long number;
        assert_int_equal(options_number(rows[i].text, rows[i].min, rows[i].max, &number), rows[i].result);
        if (rows[i].result == 0) {
            assert_int_equal(number, rows[i].number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
