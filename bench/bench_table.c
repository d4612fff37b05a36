/* bench_table.c: the delegate table alone, against liburcu's cds_lfht.
 *
 *     bench_table [delegates ...]          default: 100000 1000000
 *
 * One pinned reader looks up random names, hits and misses, with no writer, with one that replaces 20,000 entries a second,
 * and with one that replaces as fast as it can (on the second CPU, when there is one). The table is asked in bursts of 32
 * and one by one; cds_lfht knows only the latter. It has the same keys, the same hash, a fixed number of buckets (so that
 * it never resizes) and entries of the same content. Measurements are taken in turn, ROUNDS times; the medians are printed.
 * The machine's dependent random memory access in the same run stands beside, for absolute figures drift.
 *
 * Targets: an idle delegate <= 40 octets all in; 10 M with two live values <= 2 GiB. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include <urcu/rculfhash.h>

#include "dataplane/zone/delegate_entry.h"
#include "dataplane/zone/delegate_hash.h"
#include "dataplane/zone/delegate_table.h"

#define ROUNDS           3
#define BURST            32u
#define SLICE_NS         UINT64_C(200000000) /* of one measurement */
#define PACED_PER_S      20000
#define ZONE             1
#define CHASE_SLOTS      (UINT64_C(1) << 25) /* 256 MiB */
#define CHASE_STEPS      2000000u
#define REPLACED_AT_ONCE 256u /* of a writer, between two looks at the clock */

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

static struct delegate_state *state_new(void)
{
    struct delegate_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        abort();
    }
    state->zone = ZONE;
    return state;
}

static void state_set(struct delegate_state *state, uint64_t number, unsigned values)
{
    state->id = id_of(number);
    state->values_count = (uint8_t)values;
    for (unsigned i = 0; i < values; i++) {
        state->values[i].len = 43;
        memset(state->values[i].text, 'a' + (int)i, 43);
    }
}

static void check(int rc)
{
    if (rc != 0) {
        fprintf(stderr, "bench_table: %s\n", txtd_error_text(rc));
        exit(1);
    }
}

static void pin(unsigned cpu)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu % (unsigned)(cpus > 0 ? cpus : 1), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static uint64_t resident_octets(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %lu", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Nanoseconds of one random access that depends on the one before. */
static double measure_random_access(void)
{
    uint64_t *slots = malloc(CHASE_SLOTS * sizeof *slots);
    if (slots == NULL) {
        return 0;
    }
    for (uint64_t i = 0; i < CHASE_SLOTS; i++) {
        slots[i] = mix(i);
    }
    uint64_t at = 1;
    uint64_t start = now_ns();
    for (unsigned i = 0; i < CHASE_STEPS; i++) {
        at = mix(slots[at % CHASE_SLOTS] + i);
    }
    double ns = (double)(now_ns() - start) / CHASE_STEPS;
    free(slots);
    return at == 0 ? 0 : ns; /* uses `at` */
}

/* --- cds_lfht with the same content --- */

struct lfht_node {
    struct cds_lfht_node link;
    struct delegate_entry entry;
};

struct lfht {
    struct cds_lfht *hash_table;
    struct delegate_hash_key key;
    struct lfht_node *retired[1024];
    unsigned retired_count;
};

static int lfht_match(struct cds_lfht_node *link, const void *key)
{
    const struct lfht_node *node = caa_container_of(link, struct lfht_node, link);
    const struct delegate_id *id = key;
    return memcmp(node->entry.id.octets, id->octets, sizeof id->octets) == 0 && node->entry.zone == ZONE;
}

static const struct delegate_entry *lfht_find(struct lfht *lfht, const struct delegate_id *id)
{
    struct cds_lfht_iter iter;
    cds_lfht_lookup(lfht->hash_table, delegate_hash(&lfht->key, ZONE, id), lfht_match, id, &iter);
    struct cds_lfht_node *link = cds_lfht_iter_get_node(&iter);
    return link == NULL ? NULL : &caa_container_of(link, struct lfht_node, link)->entry;
}

static struct lfht_node *lfht_node_new(const struct delegate_state *state)
{
    struct lfht_node *node = malloc(offsetof(struct lfht_node, entry) + delegate_entry_len(state));
    if (node == NULL) {
        abort();
    }
    cds_lfht_node_init(&node->link);
    delegate_entry_fill(&node->entry, state, 1);
    return node;
}

static void lfht_insert(struct lfht *lfht, const struct delegate_state *state)
{
    cds_lfht_add(lfht->hash_table, delegate_hash(&lfht->key, ZONE, &state->id), &lfht_node_new(state)->link);
}

/* Replaces; the calling thread is a registered reader, as cds_lfht asks. */
static void lfht_replace(struct lfht *lfht, const struct delegate_state *state)
{
    uint64_t hash = delegate_hash(&lfht->key, ZONE, &state->id);
    struct lfht_node *node = lfht_node_new(state);
    struct cds_lfht_node *old = cds_lfht_add_replace(lfht->hash_table, hash, lfht_match, &state->id, &node->link);
    if (old != NULL) {
        lfht->retired[lfht->retired_count++] = caa_container_of(old, struct lfht_node, link);
    }
    if (lfht->retired_count == sizeof lfht->retired / sizeof lfht->retired[0]) {
        urcu_qsbr_synchronize_rcu();
        while (lfht->retired_count > 0) {
            free(lfht->retired[--lfht->retired_count]);
        }
    }
}

static void lfht_free(struct lfht *lfht)
{
    struct cds_lfht_iter iter;
    struct cds_lfht_node *link;
    cds_lfht_for_each(lfht->hash_table, &iter, link)
    {
        (void)cds_lfht_del(lfht->hash_table, link);
        free(caa_container_of(link, struct lfht_node, link)); /* no reader is left; QSBR frees nothing under us */
    }
    (void)cds_lfht_destroy(lfht->hash_table, NULL);
}

/* --- Readers and writers --- */

enum asked { TABLE_BURST, TABLE_SINGLE, LFHT_SINGLE, ASKED_COUNT };
enum writing { WRITER_NONE, WRITER_PACED, WRITER_FULL, WRITING_COUNT };

struct bench {
    uint64_t delegates;
    struct delegate_table *table;
    struct lfht lfht;
};

struct writer {
    struct bench *bench;
    bool lfht;
    bool paced;
    atomic_bool stop;
    uint64_t changes;
    pthread_t thread;
};

static void *writer_run(void *argument)
{
    struct writer *writer = argument;
    struct delegate_state *state = state_new();
    uint64_t random = 77;
    pin(1);
    if (writer->lfht) {
        urcu_qsbr_register_thread();
    }
    uint64_t start = now_ns();
    while (!atomic_load_explicit(&writer->stop, memory_order_relaxed)) {
        if (writer->paced && writer->changes > (now_ns() - start) * PACED_PER_S / 1000000000u) {
            (void)usleep(1000);
            continue;
        }
        for (unsigned i = 0; i < (writer->paced ? 20 : REPLACED_AT_ONCE); i++) {
            random = mix(random + 1);
            state_set(state, random % writer->bench->delegates, 2);
            if (writer->lfht) {
                lfht_replace(&writer->bench->lfht, state);
            } else {
                check(delegate_table_apply(writer->bench->table, state, 1));
            }
            writer->changes++;
        }
        if (writer->lfht) {
            urcu_qsbr_quiescent_state();
        }
    }
    if (writer->lfht) {
        urcu_qsbr_unregister_thread();
    }
    free(state);
    return NULL;
}

static unsigned find_burst(struct bench *bench, enum asked asked, const struct delegate_id ids[BURST])
{
    unsigned found = 0;
    if (asked == TABLE_BURST) {
        struct delegate_lookup lookups[BURST];
        for (unsigned i = 0; i < BURST; i++) {
            lookups[i].id = ids[i];
            lookups[i].zone = ZONE;
        }
        delegate_table_find_burst(bench->table, lookups, BURST);
        for (unsigned i = 0; i < BURST; i++) {
            found += lookups[i].entry != NULL && lookups[i].entry->zone == ZONE;
        }
        return found;
    }
    for (unsigned i = 0; i < BURST; i++) {
        const struct delegate_entry *entry =
            asked == TABLE_SINGLE ? delegate_table_find(bench->table, ZONE, &ids[i]) : lfht_find(&bench->lfht, &ids[i]);
        found += entry != NULL && entry->zone == ZONE;
    }
    return found;
}

/* Nanoseconds a look-up. `first` is the number of the first name asked for: 0 for hits, `delegates` for misses. */
static double measure(struct bench *bench, enum asked asked, enum writing writing, uint64_t first)
{
    struct writer writer = {.bench = bench, .lfht = asked == LFHT_SINGLE, .paced = writing == WRITER_PACED};
    if (writing != WRITER_NONE && pthread_create(&writer.thread, NULL, writer_run, &writer) != 0) {
        abort();
    }
    static uint64_t random = 5;
    uint64_t lookups = 0;
    uint64_t found = 0;
    uint64_t start = now_ns();
    uint64_t end;
    do {
        for (unsigned i = 0; i < 64; i++) {
            struct delegate_id ids[BURST];
            for (unsigned j = 0; j < BURST; j++) {
                random += UINT64_C(0x9e3779b97f4a7c15);
                ids[j] = id_of(first + (uint64_t)(((unsigned __int128)mix(random) * bench->delegates) >> 64));
            }
            found += find_burst(bench, asked, ids);
            lookups += BURST;
            urcu_qsbr_quiescent_state();
        }
        end = now_ns();
    } while (end - start < SLICE_NS);
    if (found != (first == 0 ? lookups : 0)) {
        fprintf(stderr, "bench_table: wrong results\n");
        exit(1);
    }
    if (writing != WRITER_NONE) {
        atomic_store(&writer.stop, true);
        urcu_qsbr_thread_offline();
        pthread_join(writer.thread, NULL);
        urcu_qsbr_thread_online();
    }
    return (double)(end - start) / (double)lookups;
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

static void measure_all(struct bench *bench)
{
    static const char *const writings[] = {"none", "20 k/s", "full speed"};
    static double ns[WRITING_COUNT][2][ASKED_COUNT][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int writing = 0; writing < WRITING_COUNT; writing++) {
            for (int miss = 0; miss < 2; miss++) {
                for (int asked = 0; asked < ASKED_COUNT; asked++) {
                    ns[writing][miss][asked][round] =
                        measure(bench, (enum asked)asked, (enum writing)writing, miss ? bench->delegates : 0);
                }
            }
        }
    }
    for (int writing = 0; writing < WRITING_COUNT; writing++) {
        for (int miss = 0; miss < 2; miss++) {
            double burst = median(ns[writing][miss][TABLE_BURST]);
            double single = median(ns[writing][miss][TABLE_SINGLE]);
            double lfht = median(ns[writing][miss][LFHT_SINGLE]);
            printf("%10" PRIu64 "  %-10s  %-4s  %8.1f  %8.1f  %8.1f  %10.2f  %10.2f\n", bench->delegates,
                   writings[writing], miss ? "miss" : "hit", burst, single, lfht, burst / lfht, single / lfht);
        }
    }
}

static void report_memory(const char *what, uint64_t delegates, uint64_t mapped, uint64_t resident)
{
    printf("%10" PRIu64 "  %-34s  %7.1f octets a delegate mapped, %7.1f resident\n", delegates, what,
           (double)mapped / (double)delegates, (double)resident / (double)delegates);
}

/* Fills the table by insertion, from the smallest size, and states the peak; then as start-up does. */
static void fill_table(struct bench *bench)
{
    struct delegate_state *state = state_new();
    struct delegate_table_stats stats = {.delegates = 0};
    uint64_t before = resident_octets();
    uint64_t peak = 0;
    uint64_t start = now_ns();
    check(delegate_table_new(0, &bench->table));
    for (uint64_t i = 0; i < bench->delegates; i++) {
        state_set(state, i, 0);
        check(delegate_table_apply(bench->table, state, 1));
        delegate_table_stats(bench->table, &stats);
        peak = stats.bytes > peak ? stats.bytes : peak;
    }
    double insert_ns = (double)(now_ns() - start) / (double)bench->delegates;
    report_memory("idle, grown by insertion", bench->delegates, stats.bytes, resident_octets() - before);
    printf("%10" PRIu64 "  %-34s  %7.1f octets a delegate mapped, %.0f ns an insertion\n", bench->delegates,
           "  peak while growing", (double)peak / (double)bench->delegates, insert_ns);
    delegate_table_free(bench->table);

    before = resident_octets();
    start = now_ns();
    check(delegate_table_new(0, &bench->table));
    check(delegate_table_build_begin(bench->table, bench->delegates, 1));
    for (uint64_t i = 0; i < bench->delegates; i++) {
        state_set(state, i, 0);
        check(delegate_table_build_add(bench->table, 0, state, 1));
    }
    check(delegate_table_build_end(bench->table));
    double build_ns = (double)(now_ns() - start) / (double)bench->delegates;
    delegate_table_stats(bench->table, &stats);
    report_memory("idle, built at start-up", bench->delegates, stats.bytes, resident_octets() - before);
    printf("%10" PRIu64 "  %-34s  %.0f ns an entry, one builder\n", bench->delegates, "  start-up", build_ns);

    start = now_ns();
    for (uint64_t i = 0; i < bench->delegates; i++) {
        state_set(state, i, 2);
        check(delegate_table_apply(bench->table, state, 1));
    }
    double replace_ns = (double)(now_ns() - start) / (double)bench->delegates;
    delegate_table_stats(bench->table, &stats);
    report_memory("two live values of 43 octets", bench->delegates, stats.bytes, resident_octets() - before);
    printf("%10" PRIu64 "  %-34s  %.0f ns a change, %" PRIu64 " grace periods\n", bench->delegates, "  changes",
           replace_ns, stats.grace_periods);
    free(state);
}

static void fill_lfht(struct bench *bench)
{
    struct delegate_state *state = state_new();
    uint64_t buckets = 1;
    while (buckets < bench->delegates) {
        buckets *= 2;
    }
    uint64_t before = resident_octets();
    bench->lfht.key = (struct delegate_hash_key){{now_ns(), 1}};
    bench->lfht.hash_table = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_qsbr_flavor, NULL);
    if (bench->lfht.hash_table == NULL) {
        abort();
    }
    for (uint64_t i = 0; i < bench->delegates; i++) {
        state_set(state, i, 2);
        lfht_insert(&bench->lfht, state);
    }
    uint64_t resident = resident_octets() - before;
    report_memory("cds_lfht, two live values", bench->delegates, resident, resident);
    free(state);
}

static void run(uint64_t delegates)
{
    struct bench bench = {.delegates = delegates};
    fill_table(&bench);
    urcu_qsbr_register_thread();
    fill_lfht(&bench);
    printf("%10s  %-10s  %-4s  %8s  %8s  %8s  %10s  %10s   (ns a look-up)\n", "delegates", "writer", "", "burst",
           "single", "cds_lfht", "burst/cds", "single/cds");
    measure_all(&bench);
    lfht_free(&bench.lfht);
    urcu_qsbr_unregister_thread();
    delegate_table_free(bench.table);
}

int main(int argc, char **argv)
{
    pin(0);
    printf("dependent random access: %.0f ns\n", measure_random_access());
    if (argc < 2) {
        run(100000);
        run(1000000);
    }
    for (int i = 1; i < argc; i++) {
        uint64_t delegates = strtoull(argv[i], NULL, 10);
        if (delegates == 0) {
            fprintf(stderr, "usage: bench_table [delegates ...]\n");
            return 2;
        }
        run(delegates);
    }
    return 0;
}
