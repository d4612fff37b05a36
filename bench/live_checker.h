/* live_checker.h: asks for delegates over UDP and holds each answer against the history of values. */
#ifndef TXTD_BENCH_LIVE_CHECKER_H
#define TXTD_BENCH_LIVE_CHECKER_H

#include <stdint.h>

struct live_history;

struct live_checker_figures {
    uint64_t answers;
    uint64_t missing; /* queries without an answer for CHECKER_PATIENCE_S */
    uint64_t stale;   /* without a value that was acknowledged before the query */
    uint64_t early;   /* with a value that was not submitted yet */
    uint64_t torn;    /* not two whole values of this delegate, of two turns in a row */
    double p50_us, p99_us, p999_us;
};

#define CHECKER_PATIENCE_S 5

/* Asks 127.0.0.1:port, evenly, `per_second` queries for `seconds`; then waits for what is missing. */
void live_checker_run(const struct live_history *history, uint64_t delegates, uint16_t port, double per_second,
                      double seconds, struct live_checker_figures *figures);

#endif
