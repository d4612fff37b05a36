/* thread_wait.h: how long a thread of this process waits for a processor each time it is woken, as the kernel counts it
 * (/proc/self/task/TID/schedstat). It tells apart what a server does to its answers from what happens to the client that measures. */
#ifndef TXTD_BENCH_THREAD_WAIT_H
#define TXTD_BENCH_THREAD_WAIT_H

#include <stdint.h>

struct thread_wait {
    uint64_t wait_ns; /* in all */
    uint64_t turns;   /* times it got a processor */
};

/* Reads the sums of the first thread of that name. Returns 0, or -1 when there is none. */
int thread_wait_read(const char *name, struct thread_wait *sums);

/* Microseconds a turn between two readings. */
double thread_wait_us(const struct thread_wait *before, const struct thread_wait *after);

#endif
