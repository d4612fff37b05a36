/* bench_respond.c: the responder alone: bursts of 32 requests through parse, look-up and build, without any I/O.
 *
 *     bench_respond [delegates ...]                   default: 1000 100000 1000000
 *     bench_respond -q QUERIES delegates              another number of queries a measurement
 *     bench_respond -c CASE QUERIES [delegates]       only "hit", "miss" or "mixed" without EDNS, "hit-edns" ..., at 100,000 delegates;
 *                                                     prints how many were asked: for counting instructions
 *
 * One pinned thread asks for delegates that there are (hit), names that nobody registered (miss), and both in turn (mixed), each
 * with and without EDNS (bursts.h). Making a request is measured alone in the same round and subtracted. The dependent random
 * access beside each size goes over as much memory as the table has.
 *
 * Instructions a query: valgrind --tool=callgrind --toggle-collect=respond_burst bench_respond -c hit 32768, the total divided by
 * the queries it prints; respond.sh does all that.
 *
 * Targets: <= 60 ns a query at 100 k delegates, <= 100 ns at 10 M, <= 700 instructions. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include "bench/bursts.h"
#include "bench/population.h"
#include "dataplane/zone/delegate_table.h"

#define ROUNDS      9
#define CHASE_STEPS 1000000u

/* Nanoseconds of one random access that depends on the one before, over `octets` of memory. */
static double measure_random_access(uint64_t octets)
{
    uint64_t count = octets / sizeof(uint64_t);
    uint64_t *slots = malloc(count * sizeof *slots);
    if (slots == NULL) {
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        slots[i] = population_mix(i);
    }
    uint64_t at = 1;
    uint64_t start = burst_now_ns();
    for (unsigned i = 0; i < CHASE_STEPS; i++) {
        at = slots[(uint64_t)(((unsigned __int128)population_mix(at + i) * count) >> 64)];
    }
    double ns = (double)(burst_now_ns() - start) / CHASE_STEPS;
    free(slots);
    return at == 0 ? 0 : ns; /* uses `at` */
}

/* Nanoseconds a request, with or without its answer. */
static double measure(struct burst_client *client, enum asked asked, enum form form, uint64_t queries, bool respond)
{
    uint64_t start = burst_now_ns();
    uint64_t octets = burst_client_ask(client, asked, form, queries, respond ? respond_burst : NULL);
    double ns = (double)(burst_now_ns() - start) / (double)queries;
    return octets == 0 ? 0 : ns; /* uses `octets` */
}

static void run_case(enum asked asked, enum form form, uint64_t queries, uint64_t delegates)
{
    struct burst_service service;
    burst_service_begin(&service, delegates);
    struct burst_client *client = burst_client_new(&service, 0);
    urcu_qsbr_register_thread();
    (void)measure(client, asked, form, queries, true);
    urcu_qsbr_unregister_thread();
    printf("%" PRIu64 "\n", client->asked);
    free(client);
    burst_service_end(&service);
}

static void run(uint64_t delegates, uint64_t queries)
{
    static const char *const names[ASKED_COUNT] = {"hit", "miss", "mixed"};
    static double ns[ASKED_COUNT][FORM_COUNT][ROUNDS];
    struct burst_service service;
    struct delegate_table_stats stats;
    burst_service_begin(&service, delegates);
    struct burst_client *client = burst_client_new(&service, 0);
    delegate_table_stats(service.table, &stats);
    double access_ns = measure_random_access(stats.bytes);

    urcu_qsbr_register_thread();
    for (int round = 0; round < ROUNDS; round++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            for (int asked = 0; asked < ASKED_COUNT; asked++) {
                double making = measure(client, (enum asked)asked, (enum form)form, queries, false);
                ns[asked][form][round] = measure(client, (enum asked)asked, (enum form)form, queries, true) - making;
            }
        }
    }
    urcu_qsbr_unregister_thread();
    burst_client_check(client);
    for (int asked = 0; asked < ASKED_COUNT; asked++) {
        double plain = burst_median(ns[asked][FORM_PLAIN], ROUNDS); /* sorts */
        double edns = burst_median(ns[asked][FORM_EDNS], ROUNDS);
        printf("%10" PRIu64 "  %-5s  %7.1f %7.1f  %7.1f %7.1f  %7.1f\n", delegates, names[asked], plain,
               ns[asked][FORM_PLAIN][0], edns, ns[asked][FORM_EDNS][0], access_ns);
    }
    printf("%10" PRIu64 "  %" PRIu64 " queries in all\n", delegates, client->asked);
    free(client);
    burst_service_end(&service);
}

static uint64_t number_of(const char *text)
{
    return strtoull(text, NULL, 10);
}

/* Whole bursts. */
static uint64_t queries_of(const char *text)
{
    return (number_of(text) + BURST - 1) / BURST * BURST;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: bench_respond [-c CASE QUERIES [delegates] | -q QUERIES delegates ... | [delegates ...]]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static char *defaults[] = {"1000", "100000", "1000000"};
    uint64_t queries = 1048576;
    int first = 1;
    enum asked asked;
    enum form form;
    if (argc > 1 && strcmp(argv[1], "-c") == 0) {
        uint64_t delegates = argc == 5 ? number_of(argv[4]) : 100000;
        if (argc < 4 || argc > 5 || !burst_case_read(argv[2], &asked, &form) || queries_of(argv[3]) == 0 ||
            delegates == 0) {
            return usage();
        }
        run_case(asked, form, queries_of(argv[3]), delegates);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "-q") == 0) {
        queries = queries_of(argv[2]);
        first = 3;
    }
    char **sizes = first < argc ? argv + first : defaults;
    int sizes_count = first < argc ? argc - first : 3;
    for (int i = 0; i < sizes_count; i++) {
        if (number_of(sizes[i]) == 0 || queries == 0) {
            return usage();
        }
    }
    burst_pin(0);
    printf("%10s  %-5s  %7s %7s  %7s %7s  %7s   (ns a query; rate limiting off; access: one dependent random access)\n",
           "delegates", "", "plain", "best", "EDNS", "best", "access");
    for (int i = 0; i < sizes_count; i++) {
        run(number_of(sizes[i]), queries);
    }
    return 0;
}
