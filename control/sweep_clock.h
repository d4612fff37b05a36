/* sweep_clock.h: the time by which expired values are cleared away.
 *
 * Whether a value is served depends on the wall clock alone, so that a clock that is wrong for a while is wrong for that while.
 * Clearing away cannot be taken back: what is gone from the delegate table comes back at the next change or start. So a wall
 * clock that jumps ahead is believed only once it has stood by it for SWEEP_CLOCK_HOLD_S; one that goes back, at once.
 *
 * Pure; one thread.
 */
#ifndef TXTD_CONTROL_SWEEP_CLOCK_H
#define TXTD_CONTROL_SWEEP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SWEEP_CLOCK_HOLD_S 3600

struct sweep_clock {
    int64_t offset_s; /* of the wall clock from the monotonic one, as believed */
    int64_t ahead_s;  /* the least offset of those that are further ahead, since `since_s` */
    int64_t since_s;  /* monotonic */
    bool waiting;     /* the wall clock is ahead of what is believed */
};

/* Believes the wall clock as it is now. The monotonic clock has to count a machine's sleep (CLOCK_BOOTTIME). */
void sweep_clock_init(struct sweep_clock *clock, int64_t wall_s, int64_t monotonic_s);

/* Returns the time to sweep by, never later than `wall_s`. To be asked more often than once in SWEEP_CLOCK_HOLD_S. */
int64_t sweep_clock_now_s(struct sweep_clock *clock, int64_t wall_s, int64_t monotonic_s);

#endif
