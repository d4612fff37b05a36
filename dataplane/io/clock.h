/* clock.h: the time of a burst. */
#ifndef TXTD_DATAPLANE_IO_CLOCK_H
#define TXTD_DATAPLANE_IO_CLOCK_H

#include <time.h>

#include "dataplane/respond.h"

/* Reads both clocks as of the last tick (a few milliseconds), without a system call. Any thread. */
static inline void clock_read(struct respond_clock *now)
{
    struct timespec wall, mono;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &mono);
    now->wall_s = wall.tv_sec;
    now->mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
}

#endif
