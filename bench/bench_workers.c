/* bench_workers.c: how the responder scales with workers, without sockets and without a client: each thread asks and answers itself.
 *
 *     bench_workers [-s MILLISECONDS] [-w WORKERS] [delegates ...]       default: 300 ms, a worker a CPU, 100000 1000000
 *
 * Worker n is pinned to CPU n; all answer from one table, hits without EDNS (bursts.h). Beside them nobody writes, or the one writer
 * replaces 20,000 entries a second, or as many as it can, on the last CPU: where a worker runs there, too, they share it. So the
 * nanoseconds of a query are of CPU that its thread ran, with what making a request takes subtracted; the answers a second
 * are by the wall clock and with making the requests. What grows with the workers is what they have in common: caches and
 * memory. Rounds in turn, medians. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include "bench/bursts.h"
#include "bench/population.h"
#include "dataplane/zone/delegate_table.h"

#define ROUNDS      5
#define WORKERS_MAX 64
#define PACED_PER_S 20000
#define CHUNK       (128 * RESPOND_BURST_MAX) /* queries between two looks at the clock */

enum writing { WRITER_NONE, WRITER_PACED, WRITER_FULL, WRITING_COUNT };

struct writer {
    struct delegate_table *table;
    uint64_t delegates;
    bool paced;
    atomic_bool stop;
    uint64_t changes;
    pthread_t thread;
};

struct asking {
    struct burst_client *client;
    pthread_barrier_t *start;
    unsigned cpu;
    uint64_t slice_ns;
    pthread_t thread;
    double making_ns; /* of CPU, a request */
    double ns;        /* of CPU, an answer without that */
    double per_s;
};

static unsigned cpus(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}

static void *run_writer(void *argument)
{
    struct writer *writer = argument;
    struct delegate_state state = {.zone = BURSTS_ZONE, .values_count = 2};
    uint64_t random = 77;
    for (unsigned i = 0; i < 2; i++) {
        state.values[i].len = BURSTS_VALUE_LEN;
        memset(state.values[i].text, 'c' + (int)i, BURSTS_VALUE_LEN);
    }
    burst_pin(cpus() - 1);
    uint64_t start = burst_now_ns();
    while (!atomic_load_explicit(&writer->stop, memory_order_relaxed)) {
        if (writer->paced && writer->changes > (burst_now_ns() - start) * PACED_PER_S / 1000000000u) {
            (void)usleep(1000);
            continue;
        }
        for (unsigned i = 0; i < 20; i++) {
            random += UINT64_C(0x9e3779b97f4a7c15);
            state.id = population_id((uint64_t)(((unsigned __int128)random * writer->delegates) >> 64));
            if (delegate_table_apply(writer->table, &state, 1) != 0) {
                abort();
            }
            writer->changes++;
        }
    }
    return NULL;
}

/* Asks for `slice_ns`. Returns nanoseconds of CPU a query. */
static double ask(struct asking *asking, burst_respond *respond, double *per_s)
{
    uint64_t queries = 0;
    uint64_t octets = 0;
    uint64_t begin_ns = burst_now_ns();
    uint64_t begin_cpu_ns = burst_thread_ns();
    uint64_t end_ns;
    do {
        octets += burst_client_ask(asking->client, ASKED_HIT, FORM_PLAIN, CHUNK, respond);
        queries += CHUNK;
        end_ns = burst_now_ns();
    } while (end_ns - begin_ns < asking->slice_ns);
    *per_s = (double)queries * 1e9 / (double)(end_ns - begin_ns);
    return octets == 0 ? 0 : (double)(burst_thread_ns() - begin_cpu_ns) / (double)queries;
}

static void *run_worker(void *argument)
{
    struct asking *asking = argument;
    double making_per_s;
    burst_pin(asking->cpu);
    urcu_qsbr_register_thread();
    asking->making_ns = ask(asking, NULL, &making_per_s);
    urcu_qsbr_thread_offline();
    (void)pthread_barrier_wait(asking->start);
    urcu_qsbr_thread_online();
    asking->ns = ask(asking, respond_burst, &asking->per_s) - asking->making_ns;
    urcu_qsbr_unregister_thread();
    return NULL;
}

struct figures {
    double ns[ROUNDS]; /* mean of the workers */
    double per_s[ROUNDS];
    double changes_per_s[ROUNDS];
};

static void measure(const struct burst_service *service, struct burst_client *clients[], unsigned workers,
                    enum writing writing, uint64_t slice_ns, struct figures *figures, unsigned round)
{
    struct writer writer = {.table = service->table, .delegates = service->delegates, .paced = writing == WRITER_PACED};
    struct asking asking[WORKERS_MAX];
    pthread_barrier_t start;
    uint64_t begin_ns = burst_now_ns();
    int rc = writing == WRITER_NONE ? 0 : pthread_create(&writer.thread, NULL, run_writer, &writer);
    rc = rc == 0 ? pthread_barrier_init(&start, NULL, workers) : rc;
    for (unsigned i = 0; rc == 0 && i < workers; i++) {
        asking[i] = (struct asking){.client = clients[i], .start = &start, .cpu = i, .slice_ns = slice_ns};
        rc = pthread_create(&asking[i].thread, NULL, run_worker, &asking[i]);
    }
    if (rc != 0) {
        fprintf(stderr, "bench_workers: %s\n", strerror(rc));
        exit(1);
    }
    figures->ns[round] = figures->per_s[round] = figures->changes_per_s[round] = 0;
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(asking[i].thread, NULL);
        figures->ns[round] += asking[i].ns / workers;
        figures->per_s[round] += asking[i].per_s;
    }
    (void)pthread_barrier_destroy(&start);
    if (writing != WRITER_NONE) {
        atomic_store(&writer.stop, true);
        pthread_join(writer.thread, NULL);
        figures->changes_per_s[round] = (double)writer.changes * 1e9 / (double)(burst_now_ns() - begin_ns);
    }
}

static void run(uint64_t delegates, unsigned workers_max, uint64_t slice_ns)
{
    static const char *const writings[WRITING_COUNT] = {"none", "20 k/s", "full speed"};
    static struct figures figures[WORKERS_MAX][WRITING_COUNT];
    struct burst_client *clients[WORKERS_MAX];
    struct burst_service service;
    burst_service_begin(&service, delegates);
    for (unsigned i = 0; i < workers_max; i++) {
        clients[i] = burst_client_new(&service, i);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (int writing = 0; writing < WRITING_COUNT; writing++) {
            for (unsigned workers = 1; workers <= workers_max; workers++) {
                measure(&service, clients, workers, (enum writing)writing, slice_ns, &figures[workers - 1][writing],
                        round);
            }
        }
    }
    for (int writing = 0; writing < WRITING_COUNT; writing++) {
        double alone_ns = burst_median(figures[0][writing].ns, ROUNDS);
        double alone_per_s = burst_median(figures[0][writing].per_s, ROUNDS);
        for (unsigned workers = 1; workers <= workers_max; workers++) {
            struct figures *each = &figures[workers - 1][writing];
            double ns = burst_median(each->ns, ROUNDS);
            double per_s = burst_median(each->per_s, ROUNDS);
            printf("| %" PRIu64 " | %s | %.0f k/s | %u | %.1f | %.2f | %.2f M/s | %.2f |\n", delegates,
                   writings[writing], burst_median(each->changes_per_s, ROUNDS) / 1e3, workers, ns, ns / alone_ns,
                   per_s / 1e6, per_s / alone_per_s);
        }
    }
    for (unsigned i = 0; i < workers_max; i++) {
        burst_client_check(clients[i]);
        free(clients[i]);
    }
    burst_service_end(&service);
}

int main(int argc, char **argv)
{
    static char *defaults[] = {"100000", "1000000"};
    uint64_t slice_ms = 300;
    unsigned long workers = cpus();
    int option;
    while ((option = getopt(argc, argv, "s:w:")) != -1) {
        if (option == 's') {
            slice_ms = strtoull(optarg, NULL, 10);
        } else if (option == 'w') {
            workers = strtoul(optarg, NULL, 10);
        } else {
            workers = 0;
        }
    }
    char **sizes = optind < argc ? argv + optind : defaults;
    int sizes_count = optind < argc ? argc - optind : 2;
    bool fine = workers > 0 && workers <= WORKERS_MAX && slice_ms > 0;
    for (int i = 0; i < sizes_count; i++) {
        fine = fine && strtoull(sizes[i], NULL, 10) > 0;
    }
    if (!fine) {
        fprintf(stderr, "usage: bench_workers [-s MILLISECONDS] [-w WORKERS] [delegates ...]\n");
        return 2;
    }
    printf("| delegates | writer | changes | workers | ns of CPU a query | to one | answers | to one |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < sizes_count; i++) {
        run(strtoull(sizes[i], NULL, 10), (unsigned)workers, slice_ms * 1000000);
    }
    return 0;
}
