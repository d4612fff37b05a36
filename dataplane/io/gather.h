/* gather.h: lets queries gather while they come fast, so that a worker is woken for many at a time, where that is cheaper.
 *
 * Being woken costs more than an answer. A worker whose queries come faster than one in GATHER_DENSE_NS for a while can sleep for some
 * microseconds instead of waiting for the next one, as a network card's interrupt moderation does. Whether that costs less
 * depends on how the queries come: where clients send many at once, waiting wakes it for many anyway, and the sleeps only add
 * wake-ups. So it is tried: GATHER_TRIAL queries with waiting, as many with sleeping, and for GATHER_KEEP queries what took less CPU
 * time a query; then again. Once too few queries come during the sleeps it waits for each, and a worker that cannot keep up (full
 * bursts) never sleeps. One worker's own.
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
#define GATHER_TRIAL      4096
#define GATHER_KEEP       262144 /* so that trials of what turns out dearer are less than one query in fifty */
#define GATHER_GAIN       16     /* sleeping has to save one part in so many: it delays answers */
#define GATHER_US_MAX     1000
#define GATHER_US_DEFAULT 100

enum gather_phase { GATHER_SPARSE, GATHER_TRY_WAITING, GATHER_TRY_SLEEPING, GATHER_KEPT };

struct gather {
    unsigned us; /* how long to sleep; 0: never */
    bool on;
    bool full; /* the last burst had as many as fit: more wait already */
    enum gather_phase phase;
    unsigned row;        /* bursts that were dense (sparse), or sleeps that were not worth it (on), in a row */
    unsigned asked;      /* queries of this phase */
    uint64_t last_ns;    /* sparse: when the last burst came */
    uint64_t cpu_ns;     /* the thread's CPU time when the phase began */
    uint64_t waiting_ns; /* CPU time of 1024 queries with waiting, of the last trial */
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

/* Of gather_received: a burst while queries are sparse; the end of a phase. */
void gather_look(struct gather *gather, unsigned received);
void gather_phase_end(struct gather *gather);

/* After each receipt: how many came of how many that fit. */
static inline void gather_received(struct gather *gather, unsigned received, unsigned most)
{
    if (gather->us == 0) {
        return;
    }
    gather->full = received == most;
    if (gather->phase == GATHER_SPARSE) {
        if (received > 0) {
            gather_look(gather, received);
        }
        return;
    }
    gather->row = gather->on && received < GATHER_WORTH ? gather->row + 1 : 0;
    gather->asked += received;
    if (gather->row == GATHER_SPARSE_MAX ||
        gather->asked >= (gather->phase == GATHER_KEPT ? GATHER_KEEP : GATHER_TRIAL)) {
        gather_phase_end(gather);
    }
}

#endif
