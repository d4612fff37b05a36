#include "control/sweep_clock.h"

void sweep_clock_init(struct sweep_clock *clock, int64_t wall_s, int64_t monotonic_s)
{
    *clock = (struct sweep_clock){.offset_s = wall_s - monotonic_s};
}

int64_t sweep_clock_now_s(struct sweep_clock *clock, int64_t wall_s, int64_t monotonic_s)
{
    int64_t offset_s = wall_s - monotonic_s;
    if (offset_s <= clock->offset_s) {
        clock->offset_s = offset_s;
        clock->waiting = false;
    } else if (!clock->waiting) {
        clock->waiting = true;
        clock->since_s = monotonic_s;
        clock->ahead_s = offset_s;
    } else {
        clock->ahead_s = offset_s < clock->ahead_s ? offset_s : clock->ahead_s;
        if (monotonic_s - clock->since_s >= SWEEP_CLOCK_HOLD_S) {
            clock->offset_s = clock->ahead_s;
            clock->waiting = false;
        }
    }
    return monotonic_s + clock->offset_s;
}
