/* bench_rrl.c: what one rrl_count costs. Targets: <= 15 ns from one source, <= 80 ns from a million random sources.
 * The machine's dependent random access, taken in the same run, is printed beside, for absolute figures drift. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "dataplane/guard/rrl.h"

#define SOURCES       (1u << 20)
#define COUNTS        (4u << 20)
#define ROUNDS        5
#define CHASE_ENTRIES (8u << 20) /* 64 MiB */

union source {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double median(double values[ROUNDS])
{
    for (int i = 1; i < ROUNDS; i++) {
        for (int j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double swap = values[j];
            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    }
    return values[ROUNDS / 2];
}

static void fill_sources(union source *sources, int family)
{
    uint64_t random = 0x9e3779b97f4a7c15u;
    memset(sources, 0, SOURCES * sizeof *sources);
    for (unsigned i = 0; i < SOURCES; i++) {
        sources[i].any.sa_family = (sa_family_t)family;
        if (family == AF_INET) {
            sources[i].in.sin_addr.s_addr = (uint32_t)next_random(&random);
        } else {
            uint64_t halves[2] = {next_random(&random), next_random(&random)};
            memcpy(sources[i].in6.sin6_addr.s6_addr, halves, sizeof halves);
        }
    }
}

/* Nanoseconds a count from the first `distinct` (a power of two) sources in turn. The limiter's clock goes on by 1 ms every
 * 1,024 counts, as at a million queries a second. */
static double measure_counts(const union source *sources, unsigned distinct, uint64_t *passed)
{
    struct rrl_settings settings = {
        .positive_per_s = 1000000000, .other_per_s = 100, .slip = 2, .table_entries = 1u << 20};
    struct rrl *rrl;
    if (rrl_new(&settings, &rrl) != 0) {
        fprintf(stderr, "bench_rrl: cannot make the limiter\n");
        exit(1);
    }
    uint64_t start = 0;
    for (unsigned i = 0; i < COUNTS + COUNTS / 4; i++) { /* the first fifth warms up */
        if (i == COUNTS / 4) {
            start = now_ns();
        }
        *passed += rrl_count(rrl, &sources[i & (distinct - 1)].any, RRL_POSITIVE, i / 1024) == RRL_PASS;
    }
    double ns = (double)(now_ns() - start) / COUNTS;
    rrl_free(rrl);
    return ns;
}

/* Nanoseconds of one dependent random access: a walk through a random cycle. */
static double measure_access(void)
{
    uint64_t *next = malloc(CHASE_ENTRIES * sizeof *next), random = 88172645463325252u, at = 0;
    if (next == NULL) {
        exit(1);
    }
    for (uint64_t i = 0; i < CHASE_ENTRIES; i++) {
        next[i] = i;
    }
    for (uint64_t i = CHASE_ENTRIES - 1; i > 0; i--) { /* Sattolo: one cycle through all */
        uint64_t j = next_random(&random) % i, swap = next[i];
        next[i] = next[j];
        next[j] = swap;
    }
    uint64_t start = now_ns();
    for (unsigned i = 0; i < 1u << 20; i++) {
        at = next[at];
    }
    double ns = (double)(now_ns() - start) / (1u << 20);
    volatile uint64_t sink = at;
    (void)sink;
    free(next);
    return ns;
}

int main(void)
{
    static const struct {
        const char *name;
        int family;
        unsigned distinct;
        double target_ns;
    } rows[] = {
        {"IPv4, one source", AF_INET, 1, 15},
        {"IPv6, one source", AF_INET6, 1, 15},
        {"IPv4, 1 M random sources", AF_INET, SOURCES, 80},
        {"IPv6, 1 M random sources", AF_INET6, SOURCES, 80},
    };
    union source *sources = calloc(SOURCES, sizeof *sources);
    if (sources == NULL) {
        return 1;
    }
    printf("%-28s %10s %10s\n", "rrl_count", "ns", "target");
    uint64_t passed = 0;
    for (unsigned row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        double ns[ROUNDS];
        fill_sources(sources, rows[row].family);
        for (unsigned round = 0; round < ROUNDS; round++) {
            ns[round] = measure_counts(sources, rows[row].distinct, &passed);
        }
        printf("%-28s %10.1f %10.0f\n", rows[row].name, median(ns), rows[row].target_ns);
    }
    printf("%-28s %10.1f\n", "(a random memory access)", measure_access());
    free(sources);
    return passed == 0;
}
