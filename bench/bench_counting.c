/* bench_counting.c: what counters, usage notes and sampling the latency cost a query (target: <= 3 %).
 *
 *     bench_counting [delegates [QUERIES]]            default: 100000, 1048576 a measurement; a row of the table
 *     bench_counting -c counted|uncounted QUERIES     only that, at 100,000 delegates; prints how many were asked
 *
 * dataplane/respond.c is built a second time with TXTD_NO_COUNTERS, its function under another name; both answer the same bursts (hits
 * without EDNS, bursts.h) over the same table in turn. The counted one stands between latency_begin and latency_end, as in
 * io/udp.c. The difference is the median of the rounds' own, each taken both ways round.
 *
 * Instructions: callgrind with -c, collecting in `counted` and `uncounted`, which both call what they are named after. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include "bench/bursts.h"
#include "dataplane/io/latency.h"

#define ROUNDS 41

burst_respond respond_burst_uncounted; /* respond.c once more */
burst_respond counted;
burst_respond uncounted;

__attribute__((noinline)) void counted(const struct responder *responder, struct respond_worker *worker,
                                       const struct respond_clock *now, struct packet packets[], unsigned count)
{
    const uint64_t begin_ns = latency_begin(worker);
    respond_burst(responder, worker, now, packets, count);
    latency_end(worker, TRANSPORT_UDP, begin_ns, count);
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

static void run(uint64_t delegates, uint64_t queries)
{
    static double with[ROUNDS], without[ROUNDS], percent[ROUNDS];
    struct burst_service service;
    burst_service_begin(&service, delegates);
    struct burst_client *client = burst_client_new(&service, 0);
    burst_pin(0);
    urcu_qsbr_register_thread();
    for (int round = 0; round < ROUNDS; round++) {
        double making = measure(client, queries, NULL);
        burst_respond *first = round % 2 == 0 ? counted : uncounted;
        burst_respond *second = round % 2 == 0 ? uncounted : counted;
        double a = measure(client, queries, first);
        double b = measure(client, queries, second);
        b += measure(client, queries, second);
        a += measure(client, queries, first);
        with[round] = (round % 2 == 0 ? a : b) / 2 - making;
        without[round] = (round % 2 == 0 ? b : a) / 2 - making;
        percent[round] = (with[round] / without[round] - 1) * 100;
    }
    urcu_qsbr_unregister_thread();
    if (client->worker.counters.answers_txt * 2 != client->asked) {
        fprintf(stderr, "bench_counting: not half of the answers were counted\n");
        exit(1);
    }
    printf("| %" PRIu64 " | %.1f ns | %.1f ns | %+.1f %% |\n", delegates, burst_median(with, ROUNDS),
           burst_median(without, ROUNDS), burst_median(percent, ROUNDS));
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
    if (argc == 4 && strcmp(argv[1], "-c") == 0) {
        run_case(strcmp(argv[2], "counted") == 0 ? counted : uncounted, strtoull(argv[3], NULL, 10));
        return 0;
    }
    uint64_t delegates = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t queries = argc > 2 ? strtoull(argv[2], NULL, 10) / BURST * BURST : 1048576;
    if (argc > 3 || delegates == 0 || queries == 0) {
        fprintf(stderr, "usage: bench_counting [delegates [QUERIES]] | -c counted|uncounted QUERIES\n");
        return 2;
    }
    printf("| delegates | counted | not counted | difference |\n|---|---|---|---|\n");
    run(delegates, queries);
    return 0;
}
