/* latency.h: how long answering takes, from a burst's receive to its sending, sampled: one burst of LATENCY_EVERY.
 *
 * One writer, the worker itself; its two clock readings are spread over LATENCY_EVERY bursts. Hot path: inline.
 */
#ifndef TXTD_DATAPLANE_IO_LATENCY_H
#define TXTD_DATAPLANE_IO_LATENCY_H

#include <stdint.h>
#include <time.h>

#include "dataplane/respond.h"

#define LATENCY_EVERY 64 /* a power of two */

static inline uint64_t latency_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A burst was received. Returns when, or 0: it is not measured. */
static inline uint64_t latency_begin(struct respond_worker *worker)
{
    return (worker->bursts++ & (LATENCY_EVERY - 1)) == 0 ? latency_now_ns() : 0;
}

static inline void latency_add(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* Bucket i holds what took at most 2^i microseconds, the last one all else. */
static inline unsigned latency_bucket(uint64_t ns)
{
    unsigned bucket = ns <= 1000 ? 0 : 64u - (unsigned)__builtin_clzll((ns - 1) / 1000);
    return bucket < RESPOND_LATENCY_BUCKETS ? bucket : RESPOND_LATENCY_BUCKETS - 1;
}

/* And its answers, to `messages` queries, are handed to the kernel. */
static inline void latency_end(struct respond_worker *worker, enum transport transport, uint64_t begin_ns,
                               unsigned messages)
{
    if (__builtin_expect(begin_ns != 0, 0)) {
        const uint64_t ns = latency_now_ns() - begin_ns;
        latency_add(&worker->counters.latency[transport][latency_bucket(ns)], messages);
        latency_add(&worker->counters.latency_ns[transport], ns * messages);
    }
}

#endif
