#include "dataplane/io/gather.h"

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void begin_phase(struct gather *gather, enum gather_phase phase, bool on)
{
    gather->phase = phase;
    gather->on = on;
    gather->row = 0;
    gather->asked = 0;
    gather->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
}

void gather_look(struct gather *gather, unsigned received)
{
    const uint64_t now = now_ns(CLOCK_MONOTONIC);
    gather->row = now - gather->last_ns < (uint64_t)received * GATHER_DENSE_NS ? gather->row + 1 : 0;
    gather->last_ns = now;
    if (gather->row == GATHER_DENSE_MIN) {
        begin_phase(gather, GATHER_TRY_WAITING, false);
    }
}

static uint64_t cost_ns(const struct gather *gather)
{
    return (now_ns(CLOCK_THREAD_CPUTIME_ID) - gather->cpu_ns) * 1024 / gather->asked;
}

void gather_phase_end(struct gather *gather)
{
    if (gather->row == GATHER_SPARSE_MAX) {
        *gather = (struct gather){.us = gather->us};
        return;
    }
    switch (gather->phase) {
    case GATHER_TRY_WAITING:
        gather->waiting_ns = cost_ns(gather);
        begin_phase(gather, GATHER_TRY_SLEEPING, true);
        return;
    case GATHER_TRY_SLEEPING:
        begin_phase(gather, GATHER_KEPT, cost_ns(gather) + gather->waiting_ns / GATHER_GAIN < gather->waiting_ns);
        return;
    case GATHER_KEPT:
    case GATHER_SPARSE: break;
    }
    begin_phase(gather, GATHER_TRY_WAITING, false);
}
