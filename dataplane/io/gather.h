/* gather.h: lets queries gather while they come fast, so that a worker is woken for many at a time.
 *
 * Being woken costs more than an answer. A worker whose queries come faster than one in GATHER_DENSE_NS for a while stops waiting
 * for the next one and sleeps for some microseconds instead, as a network card's interrupt moderation does; once too few
 * have come meanwhile it waits for each again. So the delay is there only when it saves more than it costs, and a
 * worker that cannot keep up (full bursts) never sleeps. One worker's own.
 */
#ifndef TXTD_DATAPLANE_IO_GATHER_H
#define TXTD_DATAPLANE_IO_GATHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

#define GATHER_DENSE_NS   15000 /* from one query to the next: 67,000 a second */
#define GATHER_DENSE_MIN  32    /* such bursts in a row begin it */
#define GATHER_SPARSE_MAX 8     /* sleeps in a row that fewer than GATHER_WORTH queries end */
#define GATHER_WORTH      2
#define GATHER_US_MAX     1000
#define GATHER_US_DEFAULT 30

struct gather {
    unsigned us; /* how long to sleep; 0: never */
    bool on;
    bool full; /* the last burst had as many as fit: more wait already */
    unsigned row;
    uint64_t last_ns;
};

/* On the worker's thread. Sleeps are as exact as the kernel can: the default is to be up to 50 us late. */
static inline void gather_begin(struct gather *gather, unsigned us)
{
    *gather = (struct gather){.us = us};
    if (us > 0) {
        (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    }
}

/* Whether to sleep (gather_sleep) rather than wait for the next query. */
static inline bool gather_wanted(const struct gather *gather)
{
    return gather->on;
}

/* Off line: it blocks. */
static inline void gather_sleep(const struct gather *gather)
{
    if (!gather->full) {
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)gather->us * 1000}, NULL);
    }
}

/* After each receipt: how many came of how many that fit. */
static inline void gather_received(struct gather *gather, unsigned received, unsigned most)
{
    if (gather->us == 0) {
        return;
    }
    gather->full = received == most;
    if (gather->on) {
        gather->row = received < GATHER_WORTH ? gather->row + 1 : 0;
        if (gather->row == GATHER_SPARSE_MAX) {
            *gather = (struct gather){.us = gather->us};
        }
    } else if (received > 0) {
        struct timespec clock;
        (void)clock_gettime(CLOCK_MONOTONIC, &clock);
        uint64_t now_ns = (uint64_t)clock.tv_sec * 1000000000u + (uint64_t)clock.tv_nsec;
        gather->row = now_ns - gather->last_ns < (uint64_t)received * GATHER_DENSE_NS ? gather->row + 1 : 0;
        gather->last_ns = now_ns;
        if (gather->row == GATHER_DENSE_MIN) {
            gather->on = true;
            gather->row = 0;
        }
    }
}

#endif
