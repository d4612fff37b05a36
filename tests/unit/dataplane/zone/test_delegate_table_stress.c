/* Readers under QSBR while the writer inserts, replaces, removes, sweeps and grows, for a bounded time.
 *
 * Each key has a history word: what the writer has made of it, and a version. The writer marks it CHANGING before a change
 * and PRESENT or ABSENT after it. A reader loads the word, looks the key up, and loads the word again: when nothing changed
 * between, the look-up must show exactly that version, or nothing. Whatever happens, an entry must be whole, and its version
 * may not go back in the eyes of one reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/zone/delegate_table.h"

/* As in delegate_table_retire.c: tells ThreadSanitizer what it cannot see of liburcu. */
#ifdef __SANITIZE_THREAD__
#define STRESS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_TSAN 1
#endif
#endif
#ifdef STRESS_TSAN
#include <sanitizer/tsan_interface.h>
#define BEFORE_QUIESCENT_STATE(table) __tsan_release(table)
#else
#define BEFORE_QUIESCENT_STATE(table) ((void)(table))
#endif

#define KEYS       50000u
#define PERMANENT  1000u /* keys that are never removed: must be found always */
#define READERS    2u
#define BURST      32u
#define SECONDS    3
#define ZONE       3
#define VALUES_MAX 4u

enum status { ABSENT = 0, CHANGING = 1, PRESENT = 2 };

struct scene {
    struct delegate_table *table;
    _Atomic uint32_t history[KEYS]; /* version << 2 | status */
    atomic_bool stop;
};

struct reader {
    struct scene *scene;
    pthread_t thread;
    unsigned short seed[3];
    uint32_t seen[KEYS]; /* newest version seen */
    uint64_t lookups;
    uint64_t exact;    /* look-ups whose result was fully determined */
    char failure[160]; /* first violation; empty: none */
};

static struct delegate_id id_of(uint32_t key)
{
    struct delegate_id id = {{0}};
    memcpy(id.octets + 3, &key, sizeof key);
    return id;
}

static unsigned values_of(uint32_t version)
{
    return version % (VALUES_MAX + 1);
}

/* A value's text repeats key, version and index to its end, so that a mixture of two is seen. */
static void value_text(char text[64], uint32_t key, uint32_t version, unsigned index)
{
    (void)snprintf(text, 64, "%08x%08x%02x%08x%08x%02x", key, version, index, key, version, index);
}

static struct delegate_state state_of(uint32_t key, uint32_t version)
{
    struct delegate_state state = {.id = id_of(key), .zone = ZONE, .version = version};
    state.values_count = (uint8_t)values_of(version);
    for (unsigned i = 0; i < state.values_count; i++) {
        char text[64];
        value_text(text, key, version, i);
        state.values[i].len = (uint8_t)strlen(text);
        memcpy(state.values[i].text, text, strlen(text));
    }
    return state;
}

/* Reads the version out of an entry's first value; false when the entry is not whole. */
static bool entry_version(const struct delegate_entry *entry, uint32_t key, uint32_t *version)
{
    const uint8_t *at = entry->rrset;
    char text[64];
    for (unsigned i = 0; i < entry->values_count; i++) {
        unsigned read_key;
        unsigned read_version;
        char first[17] = {0};
        memcpy(first, at + 13, 16);
        if (sscanf(first, "%8x%8x", &read_key, &read_version) != 2 || (i > 0 && read_version != *version)) {
            return false;
        }
        *version = read_version;
        value_text(text, key, read_version, i);
        if (at[12] != strlen(text) || memcmp(at + 13, text, strlen(text)) != 0) {
            return false;
        }
        at += 13 + strlen(text);
    }
    return entry->rrset_len == at - entry->rrset && entry->values_count == values_of(*version);
}

static void fail_reader(struct reader *reader, const char *what, uint32_t key, uint32_t before)
{
    if (reader->failure[0] == '\0') {
        (void)snprintf(reader->failure, sizeof reader->failure, "%s: key %u, history %u/%u", what, key, before >> 2,
                       before & 3);
    }
}

static void check_result(struct reader *reader, uint32_t key, uint32_t before, const struct delegate_entry *entry)
{
    uint32_t after = atomic_load(&reader->scene->history[key]);
    bool exact = before == after && (before & 3) != CHANGING;
    reader->lookups++;
    reader->exact += exact;
    if (entry == NULL) {
        if (key < PERMANENT) {
            fail_reader(reader, "a permanent key was missed", key, before);
        }
        if (exact && (before & 3) == PRESENT) {
            fail_reader(reader, "a present key was missed", key, before);
        }
        return;
    }
    if (exact && (before & 3) == ABSENT) {
        fail_reader(reader, "a removed key was found", key, before);
    }
    struct delegate_id id = id_of(key);
    if (memcmp(entry->id.octets, id.octets, 16) != 0 || entry->zone != ZONE) {
        fail_reader(reader, "another key's entry", key, before);
    }
    if (entry->values_count == 0) {
        if (exact && values_of(before >> 2) != 0) {
            fail_reader(reader, "an old idle entry", key, before);
        }
        return;
    }
    uint32_t version = 0;
    if (!entry_version(entry, key, &version)) {
        fail_reader(reader, "a torn entry", key, before);
        return;
    }
    if (exact && version != before >> 2) {
        fail_reader(reader, "an old version", key, before);
    }
    if (version < reader->seen[key]) {
        fail_reader(reader, "time went back", key, before);
    }
    reader->seen[key] = version;
}

static void *reader_run(void *argument)
{
    struct reader *reader = argument;
    struct scene *scene = reader->scene;
    urcu_qsbr_register_thread();
    while (!atomic_load_explicit(&scene->stop, memory_order_relaxed) && reader->failure[0] == '\0') {
        struct delegate_lookup lookups[BURST];
        uint32_t keys[BURST];
        uint32_t before[BURST];
        for (unsigned i = 0; i < BURST; i++) {
            uint32_t range = i % 4 == 0 ? PERMANENT : KEYS;
            keys[i] = (uint32_t)nrand48(reader->seed) % range;
            lookups[i] = (struct delegate_lookup){.id = id_of(keys[i]), .zone = ZONE};
            before[i] = atomic_load(&scene->history[keys[i]]);
        }
        delegate_table_find_burst(scene->table, lookups, BURST);
        for (unsigned i = 0; i < BURST; i++) {
            check_result(reader, keys[i], before[i], lookups[i].entry);
        }
        struct delegate_id id = id_of(keys[0]);
        uint32_t history = atomic_load(&scene->history[keys[0]]);
        check_result(reader, keys[0], history, delegate_table_find(scene->table, ZONE, &id));
        BEFORE_QUIESCENT_STATE(scene->table);
        urcu_qsbr_quiescent_state();
    }
    urcu_qsbr_unregister_thread();
    return NULL;
}

static void change(struct scene *scene, uint32_t key, bool remove)
{
    uint32_t version = (atomic_load(&scene->history[key]) >> 2) + 1;
    struct delegate_state state = state_of(key, version);
    state.deleted = remove;
    atomic_store(&scene->history[key], version << 2 | CHANGING);
    assert_int_equal(delegate_table_apply(scene->table, &state, 1), 0);
    atomic_store(&scene->history[key], version << 2 | (remove ? ABSENT : PRESENT));
}

static double elapsed_s(const struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) / 1e9;
}

/* Waves: most keys are inserted, then most are removed, so that the table grows and shrinks again and again. */
static uint64_t write_for_a_while(struct scene *scene, uint64_t *rebuilt)
{
    unsigned short seed[3] = {9, 9, 9};
    struct timespec start;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    struct delegate_table_stats stats;
    uint64_t changes = 0;
    uint64_t slots = 0;
    while (elapsed_s(&start) < SECONDS) {
        bool rising = changes / (3 * KEYS) % 2 == 0;
        for (unsigned i = 0; i < 256; i++, changes++) {
            uint32_t key = (uint32_t)nrand48(seed) % KEYS;
            bool remove = key >= PERMANENT && nrand48(seed) % 16 < (rising ? 2 : 14);
            change(scene, key, remove);
        }
        (void)delegate_table_sweep(scene->table, 1, 16);
        delegate_table_stats(scene->table, &stats);
        *rebuilt += stats.slots != slots;
        slots = stats.slots;
    }
    return changes;
}

static void readers_are_never_wrong(void **unused)
{
    (void)unused;
    static struct scene scene;
    static struct reader readers[READERS];
    assert_int_equal(delegate_table_new(0, &scene.table), 0);
    for (uint32_t key = 0; key < PERMANENT; key++) {
        change(&scene, key, false);
    }
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].scene = &scene;
        readers[i].seed[0] = (unsigned short)(i + 1);
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
    }
    uint64_t rebuilt = 0;
    uint64_t changes = write_for_a_while(&scene, &rebuilt);
    atomic_store(&scene.stop, true);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_string_equal(readers[i].failure, "");
        assert_true(readers[i].exact > 0);
        print_message("reader %u: %llu look-ups, %llu of them with a determined result\n", i,
                      (unsigned long long)readers[i].lookups, (unsigned long long)readers[i].exact);
    }
    struct delegate_table_stats stats;
    delegate_table_stats(scene.table, &stats);
    print_message("writer: %llu changes, %llu new arrays, %llu grace periods\n", (unsigned long long)changes,
                  (unsigned long long)rebuilt, (unsigned long long)stats.grace_periods);
    assert_true(rebuilt > 3);
    assert_true(stats.grace_periods > 0);
    delegate_table_free(scene.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(readers_are_never_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
