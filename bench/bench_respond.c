/* bench_respond.c: the responder alone: bursts of 32 requests through parse, look-up and build, without any I/O.
 *
 *     bench_respond [delegates ...]          default: 1000 100000 1000000
 *     bench_respond -q QUERIES delegates     another number of queries a measurement
 *     bench_respond -c CASE QUERIES          only "hit", "miss" or "mixed" without EDNS, "hit-edns" ..., at 100,000 delegates;
 *                                            prints how many were asked: for counting instructions
 *
 * One pinned thread asks TXT for `<uuid>.auth.example.org`, uniformly random: delegates with two live values of 43 octets
 * (hit), names that nobody registered (miss), and both in turn (mixed); each as dnsperf asks (no EDNS) and as resolvers do
 * (EDNS, 1232 octets, DO). Making a request is measured alone in the same round and subtracted. Rate limiting is off; its
 * cost is bench_rrl's. The dependent random access beside each size goes over as much memory as the table has.
 *
 * Instructions a query: valgrind --tool=callgrind --toggle-collect=respond_burst bench_respond -c hit 32768, the total divided by
 * the queries it prints; respond.sh does all that.
 *
 * Targets: <= 60 ns a query at 100 k delegates, <= 100 ns at 10 M, <= 700 instructions. */
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/dns/constants.h"
#include "dataplane/dns/cursor.h"
#include "dataplane/respond.h"
#include "dataplane/usage.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

#define ROUNDS      9
#define BURST       ((unsigned)RESPOND_BURST_MAX)
#define ZONE        1
#define VALUE_LEN   43
#define BUFFER_LEN  2048
#define CHASE_STEPS 1000000u
#define APEX        "\4auth\7example\3org"

enum asked { ASKED_HIT, ASKED_MISS, ASKED_MIXED, ASKED_COUNT };
enum form { FORM_PLAIN, FORM_EDNS, FORM_COUNT };

struct bench {
    uint64_t delegates;
    uint64_t queries; /* a measurement */
    uint64_t random;
    uint64_t asked; /* in all, for the count of instructions */
    struct delegate_table *table;
    struct responder *responder;
    struct respond_worker worker;
    struct packet packets[RESPOND_BURST_MAX];
    uint8_t wires[RESPOND_BURST_MAX][BUFFER_LEN + 64]; /* as io/udp.c: no two headers in one cache set */
};

static uint64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t mix(uint64_t x) /* splitmix64's finaliser */
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct delegate_id id_of(uint64_t number)
{
    uint64_t halves[2] = {mix(number + 1), mix(number + UINT64_C(0x9e3779b97f4a7c15))};
    struct delegate_id id;
    memcpy(id.octets, halves, sizeof id.octets);
    return id;
}

static void check(int rc)
{
    if (rc != 0) {
        fprintf(stderr, "bench_respond: %s\n", txtd_error_text(rc));
        exit(1);
    }
}

static void pin(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* Nanoseconds of one random access that depends on the one before, over `octets` of memory. */
static double measure_random_access(uint64_t octets)
{
    uint64_t count = octets / sizeof(uint64_t);
    uint64_t *slots = malloc(count * sizeof *slots);
    if (slots == NULL) {
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        slots[i] = mix(i);
    }
    uint64_t at = 1;
    uint64_t start = now_ns();
    for (unsigned i = 0; i < CHASE_STEPS; i++) {
        at = slots[(uint64_t)(((unsigned __int128)mix(at + i) * count) >> 64)];
    }
    double ns = (double)(now_ns() - start) / CHASE_STEPS;
    free(slots);
    return at == 0 ? 0 : ns; /* uses `at` */
}

/* --- What is served --- */

static void add_record(struct zone_set_builder *builder, uint16_t type, const char *rdata, size_t rdata_len)
{
    struct error_detail detail;
    const uint8_t *apex = (const uint8_t *)APEX;
    check(zone_set_builder_add_record(builder, apex, sizeof APEX, apex, sizeof APEX, type, 3600, (const uint8_t *)rdata,
                                      rdata_len, &detail));
}

static struct zone_set *make_zones(void)
{
    static const char soa[] = "\3ns1" APEX "\0"
                              "\12hostmaster" APEX "\0"
                              "\0\0\0\1\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\1";
    static const char ns[] = "\3ns1" APEX;
    struct error_detail detail;
    struct zone_set *zones = NULL;
    struct zone_set_builder *builder = zone_set_builder_new();
    const struct zone_options options = {.number = ZONE, .value_ttl_s = 1, .delegate_caa = true};
    check(builder == NULL ? TXTD_ENOMEM : 0);
    check(zone_set_builder_add_zone(builder, (const uint8_t *)APEX, sizeof APEX, &options));
    add_record(builder, DNS_TYPE_SOA, soa, sizeof soa - 1);
    add_record(builder, DNS_TYPE_NS, ns, sizeof ns);
    check(zone_set_builder_finish(builder, &zones, &detail));
    return zones;
}

static void fill_table(struct bench *bench)
{
    struct delegate_state *state = calloc(1, sizeof *state);
    check(state == NULL ? TXTD_ENOMEM : 0);
    state->zone = ZONE;
    state->values_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        state->values[i].len = VALUE_LEN;
        memset(state->values[i].text, 'a' + (int)i, VALUE_LEN);
    }
    check(delegate_table_new(0, &bench->table));
    check(delegate_table_build_begin(bench->table, bench->delegates, 1));
    for (uint64_t i = 0; i < bench->delegates; i++) {
        state->id = id_of(i);
        check(delegate_table_build_add(bench->table, 0, state, 1));
    }
    check(delegate_table_build_end(bench->table));
    free(state);
}

/* --- Asking --- */

/* Everything of the requests but their names: it lasts, because the next burst is written over the answers' ends only. */
static size_t write_request(uint8_t *wire, enum form form, const struct delegate_id *id)
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t positions[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    static const char head[2][14] = {"\22\64\1\0\0\1\0\0\0\0\0\0$", "\22\64\1\0\0\1\0\0\0\0\0\1$"};
    static const char tail[] = APEX "\0\0\20\0\1"
                                    "\0\0\51\4\320\0\0\200\0\0\0";
    size_t tail_len = sizeof tail - 1 - (form == FORM_EDNS ? 0 : DNS_OPT_LEN);
    memcpy(wire, head[form], DNS_HEADER_LEN + 1);
    uint8_t *label = wire + DNS_HEADER_LEN + 1;
    memset(label, '-', DELEGATE_ID_TEXT_LEN);
    for (unsigned i = 0; i < 16; i++) {
        label[positions[i]] = (uint8_t)digits[id->octets[i] >> 4];
        label[positions[i] + 1] = (uint8_t)digits[id->octets[i] & 15];
    }
    memcpy(label + DELEGATE_ID_TEXT_LEN, tail, tail_len);
    return DNS_HEADER_LEN + 1 + DELEGATE_ID_TEXT_LEN + tail_len;
}

static void make_burst(struct bench *bench, enum asked asked, enum form form)
{
    static const struct sockaddr_in client = {.sin_family = AF_INET};
    for (unsigned i = 0; i < BURST; i++) {
        bench->random += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t number = (uint64_t)(((unsigned __int128)mix(bench->random) * bench->delegates) >> 64);
        bool miss = asked == ASKED_MISS || (asked == ASKED_MIXED && (bench->random & 1) != 0);
        struct delegate_id id = id_of(number + (miss ? bench->delegates : 0));
        bench->packets[i] = (struct packet){.wire = bench->wires[i],
                                            .len = (uint16_t)write_request(bench->wires[i], form, &id),
                                            .capacity = BUFFER_LEN,
                                            .transport = TRANSPORT_UDP,
                                            .client = (const struct sockaddr *)&client};
    }
}

/* Nanoseconds a request, with or without its answer. */
static double measure(struct bench *bench, enum asked asked, enum form form, bool respond)
{
    const struct respond_clock clock = {.wall_s = 1700000000, .mono_ms = 1};
    uint64_t octets = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 0; done < bench->queries; done += BURST) {
        make_burst(bench, asked, form);
        if (respond) {
            respond_burst(bench->responder, &bench->worker, &clock, bench->packets, BURST);
            urcu_qsbr_quiescent_state();
            struct usage_ring *ring = bench->worker.usage; /* as if somebody had read it */
            __atomic_store_n(&ring->head, ring->tail, __ATOMIC_RELEASE);
        }
        for (unsigned i = 0; i < BURST; i++) {
            octets += bench->packets[i].len;
        }
    }
    double ns = (double)(now_ns() - start) / (double)bench->queries;
    bench->asked += respond ? bench->queries : 0;
    return octets == 0 ? 0 : ns; /* uses `octets` */
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

/* Index of a case of main's "-c": asked and form, or -1. */
static int case_of(const char *text)
{
    static const char *const names[] = {"hit", "hit-edns", "miss", "miss-edns", "mixed", "mixed-edns"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
        if (strcmp(names[i], text) == 0) {
            return i;
        }
    }
    return -1;
}

static void check_counters(const struct bench *bench)
{
    const struct respond_counters *counters = &bench->worker.counters;
    uint64_t answered = counters->answers_txt + counters->rcode[DNS_RCODE_NXDOMAIN];
    if (answered != bench->asked || counters->answers_txt < bench->asked / 3) {
        fprintf(stderr, "bench_respond: wrong answers\n");
        exit(1);
    }
}

static struct bench *begin(uint64_t delegates, uint64_t queries)
{
    struct bench *bench = aligned_alloc(64, sizeof *bench);
    check(bench == NULL ? TXTD_ENOMEM : 0);
    memset(bench, 0, sizeof *bench);
    bench->delegates = delegates;
    bench->queries = queries;
    fill_table(bench);
    bench->responder = responder_new(bench->table);
    check(bench->responder == NULL ? TXTD_ENOMEM : 0);
    responder_add_worker(bench->responder, &bench->worker);
    check(bench->worker.usage == NULL ? TXTD_ENOMEM : 0);
    responder_publish_zones(bench->responder, make_zones());
    return bench;
}

static void end(struct bench *bench)
{
    responder_free(bench->responder);
    delegate_table_free(bench->table);
    free(bench);
}

static void run_case(int which, uint64_t queries)
{
    struct bench *bench = begin(100000, queries);
    urcu_qsbr_register_thread();
    (void)measure(bench, (enum asked)(which / FORM_COUNT), (enum form)(which % FORM_COUNT), true);
    urcu_qsbr_unregister_thread();
    printf("%" PRIu64 "\n", bench->asked);
    end(bench);
}

static void run(uint64_t delegates, uint64_t queries)
{
    static const char *const names[ASKED_COUNT] = {"hit", "miss", "mixed"};
    static double ns[ASKED_COUNT][FORM_COUNT][ROUNDS];
    struct bench *bench = begin(delegates, queries);
    struct delegate_table_stats stats;
    delegate_table_stats(bench->table, &stats);
    double access_ns = measure_random_access(stats.bytes);

    urcu_qsbr_register_thread();
    for (int round = 0; round < ROUNDS; round++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            for (int asked = 0; asked < ASKED_COUNT; asked++) {
                double making = measure(bench, (enum asked)asked, (enum form)form, false);
                ns[asked][form][round] = measure(bench, (enum asked)asked, (enum form)form, true) - making;
            }
        }
    }
    urcu_qsbr_unregister_thread();
    check_counters(bench);
    for (int asked = 0; asked < ASKED_COUNT; asked++) {
        double plain = median(ns[asked][FORM_PLAIN]); /* sorts */
        double edns = median(ns[asked][FORM_EDNS]);
        printf("%10" PRIu64 "  %-5s  %7.1f %7.1f  %7.1f %7.1f  %7.1f\n", delegates, names[asked], plain,
               ns[asked][FORM_PLAIN][0], edns, ns[asked][FORM_EDNS][0], access_ns);
    }
    printf("%10" PRIu64 "  %" PRIu64 " queries in all\n", delegates, bench->asked);
    end(bench);
}

int main(int argc, char **argv)
{
    uint64_t queries = 1048576;
    int first = 1;
    if (argc == 4 && strcmp(argv[1], "-c") == 0 && case_of(argv[2]) >= 0) {
        run_case(case_of(argv[2]), (strtoull(argv[3], NULL, 10) + BURST - 1) / BURST * BURST);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "-q") == 0) {
        queries = (strtoull(argv[2], NULL, 10) + BURST - 1) / BURST * BURST;
        first = 3;
    }
    static char *defaults[] = {"1000", "100000", "1000000"};
    char **sizes = first < argc ? argv + first : defaults;
    int sizes_count = first < argc ? argc - first : 3;
    pin();
    printf("%10s  %-5s  %7s %7s  %7s %7s  %7s   (ns a query; rate limiting off; access: one dependent random access)\n",
           "delegates", "", "plain", "best", "EDNS", "best", "access");
    for (int i = 0; i < sizes_count; i++) {
        uint64_t delegates = strtoull(sizes[i], NULL, 10);
        if (delegates == 0 || queries == 0) {
            fprintf(stderr, "usage: bench_respond [-c CASE QUERIES | [-q QUERIES] [delegates ...]]\n");
            return 2;
        }
        run(delegates, queries);
    }
    return 0;
}
