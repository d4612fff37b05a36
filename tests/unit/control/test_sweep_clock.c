/* What clears expired values away believes a clock that jumps ahead only after a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/sweep_clock.h"

enum { WALL_S = 1800000000, HOLD_S = SWEEP_CLOCK_HOLD_S, MONTH_S = 30 * 86400 };

static void goes_with_the_wall_clock(void **state)
{
    struct sweep_clock clock;
    (void)state;
    sweep_clock_init(&clock, WALL_S, 100);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S, 100), WALL_S);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + 7, 107), WALL_S + 7);
}

static void does_not_believe_a_jump_that_is_taken_back(void **state)
{
    struct sweep_clock clock;
    (void)state;
    sweep_clock_init(&clock, WALL_S, 100);
    for (int s = 1; s < HOLD_S; s += 60) {
        assert_int_equal(sweep_clock_now_s(&clock, WALL_S + s + MONTH_S, 100 + s), WALL_S + s);
    }
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + HOLD_S, 100 + HOLD_S), WALL_S + HOLD_S);
    /* The next one is a new one. */
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + HOLD_S + MONTH_S + 1, 100 + HOLD_S + 1), WALL_S + HOLD_S + 1);
}

static void believes_a_clock_that_stays_ahead(void **state)
{
    struct sweep_clock clock;
    (void)state;
    sweep_clock_init(&clock, WALL_S, 100);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + MONTH_S + 1, 101), WALL_S + 1);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + MONTH_S + HOLD_S, 100 + HOLD_S), WALL_S + HOLD_S);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + MONTH_S + HOLD_S + 1, 101 + HOLD_S),
                     WALL_S + MONTH_S + HOLD_S + 1);
}

/* Slewed by a second long ago, a jump a moment ago: only the second has stood the time. */
static void believes_only_what_has_stood_the_time(void **state)
{
    struct sweep_clock clock;
    (void)state;
    sweep_clock_init(&clock, WALL_S, 100);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + 2, 101), WALL_S + 1);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + MONTH_S + HOLD_S + 1, 101 + HOLD_S), WALL_S + HOLD_S + 2);
}

static void follows_a_clock_that_is_set_back_at_once(void **state)
{
    struct sweep_clock clock;
    (void)state;
    sweep_clock_init(&clock, WALL_S, 100);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S - MONTH_S, 101), WALL_S - MONTH_S);
    assert_int_equal(sweep_clock_now_s(&clock, WALL_S + 2, 102), WALL_S - MONTH_S + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_with_the_wall_clock),
        cmocka_unit_test(does_not_believe_a_jump_that_is_taken_back),
        cmocka_unit_test(believes_a_clock_that_stays_ahead),
        cmocka_unit_test(believes_only_what_has_stood_the_time),
        cmocka_unit_test(follows_a_clock_that_is_set_back_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
