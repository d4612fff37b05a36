/* bench_live.c: live changes under load: the real committer, store, feed, publisher, table and DNS server in one process, changes
 * at a steady rate, and a checker that holds each answer against the history of values.
 *
 *     bench_live DIRECTORY PORT DELEGATES CHANGES QUERIES SECONDS ROUNDS
 *
 * Serves on 127.0.0.1:PORT (0: a free one), prints "ready"; then each round runs SECONDS without changes, SECONDS without but beside
 * a thread that does nothing with what the changes took in the round before: as many calls of fdatasync a second, and as much CPU in
 * an idle loop, as nice as they are (what any such work on these CPUs does to DNS), and SECONDS with CHANGES a second; the checker
 * asks QUERIES a second in all three. Prints a row each, with how long the DNS worker waits for a processor when it is woken (the
 * rest of an answer's time is its own work, and the client's waiting), then the medians. Exit status 1 when an answer was torn, stale or early, or too many are missing. bench_udp_server's
 * `names DELEGATES COUNT` has the names for dnsperf beside it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/live_checker.h"
#include "bench/live_history.h"
#include "bench/population.h"
#include "bench/thread_wait.h"
#include "control/publisher.h"
#include "control/value_ttls.h"
#include "dataplane/io/server.h"
#include "storage/committer.h"
#include "storage/store.h"

#define ROUNDS_MAX 99
#define LOST_SHARE 1000 /* one query in so many may be lost */
#define NICE       10   /* of the threads that change, as txtd has it by default */

struct parts {
    struct delegate_table *table;
    struct responder *responder;
    struct dns_server *dns;
    uint16_t port;
    struct store *store;
    uint16_t zone;
    struct feed *feed;
    struct committer *committer;
    struct value_ttls *ttls;
    struct publisher *publisher;
};

static void check(int rc, const char *what, const struct error_detail *detail)
{
    if (rc != 0) {
        (void)fprintf(stderr, "bench_live: %s: %s\n", what,
                      detail->text[0] != '\0' ? detail->text : txtd_error_text(rc));
        exit(1);
    }
}

static void start_dns(struct parts *parts, uint16_t port, struct error_detail *detail)
{
    struct dns_address bound[DNS_SERVER_ADDRESSES_MAX];
    struct dns_server_settings settings = {
        .addresses_count = 1,
        .workers = 1,
        .udp_receive_buffer = 4 << 20,
        .tcp = {.connections_max = 10,
                .connections_per_client_max = 10,
                .idle_ms = 1000,
                .send_ms = 1000,
                .output_max = 65536},
    };
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&settings.addresses[0].address, &address, sizeof address);
    settings.addresses[0].address_len = sizeof address;
    parts->responder = population_new(0, &parts->table);
    check(dns_server_bind(&settings, parts->responder, &parts->dns, detail), "sockets", detail);
    check(dns_server_start(parts->dns, detail), "threads", detail);
    dns_server_addresses(parts->dns, bound);
    parts->port = ntohs(((const struct sockaddr_in *)&bound[0].address)->sin_port);
}

static void start(struct parts *parts, const char *directory, uint16_t port)
{
    struct error_detail detail = {""};
    const struct store_options store = {.directory = directory, .block_cache = (size_t)64 << 20, .sync = true};
    const struct committer_settings committer = {.queue_max = 4096, .batch_max = 1024, .nice = NICE};
    start_dns(parts, port, &detail);
    check(store_open(&store, &parts->store, &detail), "store", &detail);
    check(store_zone_number(parts->store, "auth.example", &parts->zone, &detail), "zone", &detail);
    check(feed_new(4u << 20, &parts->feed), "feed", &detail);
    check(committer_start(parts->store, parts->feed, &committer, &parts->committer), "committer", &detail);
    parts->ttls = value_ttls_new();
    check(parts->ttls == NULL ? TXTD_ENOMEM : 0, "TTLs", &detail);
    check(publisher_start(parts->feed, parts->committer, parts->table, parts->ttls, NULL, NICE, &parts->publisher),
          "publisher", &detail);
}

static void stop(struct parts *parts)
{
    committer_stop(parts->committer);
    publisher_join(parts->publisher);
    committer_free(parts->committer);
    dns_server_stop(parts->dns);
    dns_server_free(parts->dns);
    population_free(parts->responder, parts->table);
    feed_free(parts->feed);
    value_ttls_free(parts->ttls);
    store_close(parts->store);
}

/* --- The same work for nothing --- */

struct idle_load {
    int fd;
    double per_second; /* calls of fdatasync */
    double cpu_share;  /* of one CPU, in all; those calls too */
    pthread_t thread;
    _Atomic bool stopping;
};

static double cpu_s(clockid_t clock)
{
    struct timespec used;
    (void)clock_gettime(clock, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

static double thread_cpu_s(void)
{
    return cpu_s(CLOCK_THREAD_CPUTIME_ID);
}

static void *idle_run(void *argument)
{
    struct idle_load *load = argument;
    static const char block[4096];
    struct timespec due;
    double used_s = thread_cpu_s();
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    (void)clock_gettime(CLOCK_MONOTONIC, &due);
    while (!atomic_load_explicit(&load->stopping, memory_order_relaxed)) {
        if (pwrite(load->fd, block, sizeof block, 0) != (ssize_t)sizeof block || fdatasync(load->fd) != 0) {
            perror("bench_live");
            exit(1);
        }
        for (used_s += load->cpu_share / load->per_second; thread_cpu_s() < used_s;) {
        }
        due.tv_nsec += (long)(1e9 / load->per_second);
        due.tv_sec += due.tv_nsec / 1000000000;
        due.tv_nsec %= 1000000000;
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    return NULL;
}

static void idle_load_start(struct idle_load *load, const char *directory)
{
    char path[512];
    struct error_detail detail = {""};
    (void)snprintf(path, sizeof path, "%s.idle", directory);
    load->stopping = false;
    load->fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    check(load->fd < 0 || pthread_create(&load->thread, NULL, idle_run, load) != 0 ? TXTD_ESYS : 0, "idle load",
          &detail);
    (void)unlink(path);
}

static void idle_load_stop(struct idle_load *load)
{
    load->stopping = true;
    (void)pthread_join(load->thread, NULL);
    (void)close(load->fd);
}

/* --- Together --- */

/* Returns how many answers were wrong. A query or answer that a full queue of the kernel drops is none, unless there are many. */
/* What one part of a round has shown. */
struct measured {
    struct live_checker_figures figures;
    double wait_us; /* for which the DNS worker waits for a processor each time it is woken */
};

static void measure(struct live_history *history, uint64_t delegates, uint16_t port, double queries, double seconds,
                    struct measured *measured)
{
    struct thread_wait before = {0}, after = {0};
    if (thread_wait_read("dns-udp-0", &before) != 0) {
        (void)fprintf(stderr, "bench_live: the kernel does not count how long the DNS worker waits\n");
        exit(1);
    }
    live_checker_run(history, delegates, port, queries, seconds, &measured->figures);
    (void)thread_wait_read("dns-udp-0", &after);
    measured->wait_us = thread_wait_us(&before, &after);
}

static uint64_t print_row(const char *name, double changes, const struct measured *measured)
{
    const struct live_checker_figures *figures = &measured->figures;
    uint64_t wrong = figures->stale + figures->early + figures->torn;
    (void)printf("%-8s %8.0f changes/s  %8llu answers  p50 %5.0f us  p99 %5.0f us  p99.9 %5.0f us  worker waits %4.1f "
                 "us  %llu lost "
                 "%llu stale %llu early %llu torn\n",
                 name, changes, (unsigned long long)figures->answers, figures->p50_us, figures->p99_us,
                 figures->p999_us, measured->wait_us, (unsigned long long)figures->missing,
                 (unsigned long long)figures->stale, (unsigned long long)figures->early,
                 (unsigned long long)figures->torn);
    (void)fflush(stdout);
    if (figures->missing > (figures->answers + figures->missing) / LOST_SHARE) {
        wrong += figures->missing;
    }
    return wrong;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[], unsigned count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    struct parts parts = {0};
    struct measured measured;
    struct committer_stats before, after;
    struct idle_load idle = {.per_second = 1000, .cpu_share = 0.2};
    double without[ROUNDS_MAX], idle_only[ROUNDS_MAX], with[ROUNDS_MAX], wait_without[ROUNDS_MAX],
        wait_with[ROUNDS_MAX];
    uint64_t wrong = 0, changed = 0;
    if (argc != 8 || strtoul(argv[3], NULL, 10) < LIVE_HOT || strtoul(argv[7], NULL, 10) - 1 >= ROUNDS_MAX) {
        (void)fprintf(stderr, "usage: bench_live DIRECTORY PORT DELEGATES CHANGES QUERIES SECONDS ROUNDS\n");
        return 2;
    }
    const uint64_t delegates = strtoul(argv[3], NULL, 10);
    const double changes = strtod(argv[4], NULL), queries = strtod(argv[5], NULL), seconds = strtod(argv[6], NULL);
    const unsigned rounds = (unsigned)strtoul(argv[7], NULL, 10);
    start(&parts, argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    struct live_history *history = live_history_new(parts.committer, parts.zone, delegates);
    live_history_fill(history);
    (void)printf("ready\n");
    (void)fflush(stdout);
    for (unsigned i = 0; i < rounds; i++) {
        double begun_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
        measure(history, delegates, parts.port, queries, seconds, &measured);
        double quiet_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - begun_s;
        wrong += print_row("without", 0, &measured);
        without[i] = measured.figures.p99_us;
        wait_without[i] = measured.wait_us;
        idle_load_start(&idle, argv[1]);
        measure(history, delegates, parts.port, queries, seconds, &measured);
        idle_load_stop(&idle);
        wrong += print_row("idle", 0, &measured);
        idle_only[i] = measured.figures.p99_us;
        committer_stats(parts.committer, &before);
        begun_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
        live_history_run(history, changes);
        measure(history, delegates, parts.port, queries, seconds, &measured);
        uint64_t acknowledged = live_history_pause(history);
        committer_stats(parts.committer, &after);
        idle.per_second = (double)(after.commits - before.commits) / seconds;
        idle.cpu_share = (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - begun_s - quiet_s) / seconds;
        wrong += print_row("with", (double)acknowledged / seconds, &measured);
        with[i] = measured.figures.p99_us;
        wait_with[i] = measured.wait_us;
        changed += acknowledged;
    }
    stop(&parts);
    live_history_free(history);
    double p99_without = median(without, rounds), p99_idle = median(idle_only, rounds), p99_with = median(with, rounds);
    (void)printf("p99 with changes %.0f us, without %.0f us (%.2f), beside as much work for nothing %.0f us (%.2f); "
                 "worker waits %.1f us, without %.1f us; %.0f commits/s, %.2f CPUs; %llu wrong answers, %llu changes\n",
                 p99_with, p99_without, p99_with / p99_without, p99_idle, p99_with / p99_idle,
                 median(wait_with, rounds), median(wait_without, rounds), idle.per_second, idle.cpu_share,
                 (unsigned long long)wrong, (unsigned long long)changed);
    return wrong == 0 && changed > 0 ? 0 : 1;
}
