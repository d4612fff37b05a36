/* bench_counting.c: what counters, usage notes and sampling the latency cost a query (target: none of it > 3 %).
 *
 *     bench_counting [delegates [QUERIES]]                      default: 100000, 1048576 a measurement; a table
 *     bench_counting -c counted|unnoted|uncounted QUERIES       only that, at 100,000 delegates; prints how many were asked
 *
 * dataplane/respond.c is built a second time with TXTD_NO_COUNTERS, its function under another name. In turn the same bursts (hits without
 * EDNS, bursts.h) are answered over the same table with all of it, as a worker does (counted); without usage notes, as by a worker that
 * has no ring (unnoted); and by the second build (uncounted). The first two stand between latency_begin and latency_end, as in
 * io/udp.c. The ring of notes always has room: under a load at which its reader does not keep up, a note costs less. The
 * differences are medians of the rounds' own; each round goes through the three there and back.
 *
 * Instructions: callgrind with -c, collecting in the function of that name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include "bench/bursts.h"
#include "dataplane/io/latency.h"

#define ROUNDS 41

#define VARIANTS 3

burst_respond respond_burst_uncounted; /* respond.c once more */
burst_respond counted;
burst_respond unnoted;
burst_respond uncounted;

static const struct variant {
    const char *name;
    burst_respond *respond;
} variants[VARIANTS] = {{"counted", counted}, {"unnoted", unnoted}, {"uncounted", uncounted}};

__attribute__((noinline)) void counted(const struct responder *responder, struct respond_worker *worker,
                                       const struct respond_clock *now, struct packet packets[], unsigned count)
{
    const uint64_t begin_ns = latency_begin(worker);
    respond_burst(responder, worker, now, packets, count);
    latency_end(worker, TRANSPORT_UDP, begin_ns, count);
}

__attribute__((noinline)) void unnoted(const struct responder *responder, struct respond_worker *worker,
                                       const struct respond_clock *now, struct packet packets[], unsigned count)
{
    struct usage_ring *ring = worker->usage;
    worker->usage = NULL;
    counted(responder, worker, now, packets, count);
    worker->usage = ring;
}

__attribute__((noinline)) void uncounted(const struct responder *responder, struct respond_worker *worker,
                                         const struct respond_clock *now, struct packet packets[], unsigned count)
{
    respond_burst_uncounted(responder, worker, now, packets, count);
}

static double measure(struct burst_client *client, uint64_t queries, burst_respond *respond)
{
    uint64_t start = burst_thread_ns();
    uint64_t octets = burst_client_ask(client, ASKED_HIT, FORM_PLAIN, queries, respond);
    double ns = (double)(burst_thread_ns() - start) / (double)queries;
    return octets == 0 ? 0 : ns;
}

/* Nanoseconds a query of each variant. */
static void measure_round(struct burst_client *client, uint64_t queries, double ns[VARIANTS])
{
    double making = measure(client, queries, NULL);
    for (int i = 0; i < VARIANTS; i++) {
        ns[i] = -making;
    }
    for (int i = 0; i < 2 * VARIANTS; i++) {
        int which = i < VARIANTS ? i : 2 * VARIANTS - 1 - i;
        ns[which] += measure(client, queries, variants[which].respond) / 2;
    }
}

static void run(uint64_t delegates, uint64_t queries)
{
    static double all[ROUNDS], none[ROUNDS], all_percent[ROUNDS], notes_percent[ROUNDS], counters_percent[ROUNDS];
    struct burst_service service;
    burst_service_begin(&service, delegates);
    struct burst_client *client = burst_client_new(&service, 0);
    burst_pin(0);
    urcu_qsbr_register_thread();
    for (int round = 0; round < ROUNDS; round++) {
        double ns[VARIANTS];
        measure_round(client, queries, ns);
        all[round] = ns[0];
        none[round] = ns[2];
        all_percent[round] = (ns[0] - ns[2]) / ns[2] * 100;
        notes_percent[round] = (ns[0] - ns[1]) / ns[2] * 100;
        counters_percent[round] = (ns[1] - ns[2]) / ns[2] * 100;
    }
    urcu_qsbr_unregister_thread();
    if (client->worker.counters.answers_txt * VARIANTS != client->asked * 2) {
        fprintf(stderr, "bench_counting: not two thirds of the answers were counted\n");
        exit(1);
    }
    printf("| %" PRIu64 " | %.1f ns | %.1f ns | %+.1f %% | %+.1f %% | %+.1f %% |\n", delegates,
           burst_median(all, ROUNDS), burst_median(none, ROUNDS), burst_median(all_percent, ROUNDS),
           burst_median(notes_percent, ROUNDS), burst_median(counters_percent, ROUNDS));
    free(client);
    burst_service_end(&service);
}

static void run_case(burst_respond *respond, uint64_t queries)
{
    struct burst_service service;
    burst_service_begin(&service, 100000);
    struct burst_client *client = burst_client_new(&service, 0);
    urcu_qsbr_register_thread();
    (void)burst_client_ask(client, ASKED_HIT, FORM_PLAIN, queries, respond);
    urcu_qsbr_unregister_thread();
    printf("%" PRIu64 "\n", client->asked);
    free(client);
    burst_service_end(&service);
}

int main(int argc, char **argv)
{
    for (int i = 0; i < VARIANTS && argc == 4; i++) {
        if (strcmp(argv[1], "-c") == 0 && strcmp(argv[2], variants[i].name) == 0) {
            run_case(variants[i].respond, strtoull(argv[3], NULL, 10));
            return 0;
        }
    }
    uint64_t delegates = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t queries = argc > 2 ? strtoull(argv[2], NULL, 10) / BURST * BURST : 1048576;
    if (argc > 3 || delegates == 0 || queries == 0) {
        fprintf(stderr, "usage: bench_counting [delegates [QUERIES]] | -c counted|unnoted|uncounted QUERIES\n");
        return 2;
    }
    printf("| delegates | with all | without | difference | of it usage notes | counters and latency |\n"
           "|---|---|---|---|---|---|\n");
    run(delegates, queries);
    return 0;
}
