#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/zone/delegate_table.h"

#define ZONE  7
#define TTL_S 1

static struct delegate_id id_of(uint64_t number)
{
    struct delegate_id id = {{0}};
    memcpy(id.octets + 8, &number, sizeof number);
    return id;
}

/* A state with `count` values that name the delegate and `generation`. */
static struct delegate_state state_of(uint64_t number, unsigned count, unsigned generation)
{
    struct delegate_state state = {.id = id_of(number), .zone = ZONE, .values_count = (uint8_t)count, .version = 1};
    for (unsigned i = 0; i < count; i++) {
        int len = snprintf(state.values[i].text, sizeof state.values[i].text, "%llu-%u-%u", (unsigned long long)number,
                           i, generation);
        state.values[i].len = (uint8_t)len;
    }
    return state;
}

static struct delegate_table *table_new(uint64_t expected)
{
    struct delegate_table *table = NULL;
    assert_int_equal(delegate_table_new(expected, &table), 0);
    return table;
}

static void apply(struct delegate_table *table, const struct delegate_state *state)
{
    assert_int_equal(delegate_table_apply(table, state, TTL_S), 0);
}

static const struct delegate_entry *find(const struct delegate_table *table, uint64_t number)
{
    struct delegate_id id = id_of(number);
    return delegate_table_find(table, ZONE, &id);
}

static void rrset_is_the_wire_form_of_the_values(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = {.id = id_of(1), .zone = ZONE, .values_count = 3, .expires_at_s = 1700000000};
    memcpy(state.values[0].text, "abc", 3);
    state.values[0].len = 3;
    state.values[1].len = 0; /* an empty character-string is one too */
    memset(state.values[2].text, 'x', 255);
    state.values[2].len = 255;
    assert_int_equal(delegate_table_apply(table, &state, 0x01020304), 0);

    static const uint8_t first[] = {0xc0, 0x0c, 0, 16, 0, 1, 1, 2, 3, 4, 0, 4, 3, 'a', 'b', 'c'};
    static const uint8_t second[] = {0xc0, 0x0c, 0, 16, 0, 1, 1, 2, 3, 4, 0, 1, 0};
    static const uint8_t third[] = {0xc0, 0x0c, 0, 16, 0, 1, 1, 2, 3, 4, 1, 0, 255, 'x', 'x'};
    const struct delegate_entry *entry = find(table, 1);
    assert_non_null(entry);
    assert_int_equal(entry->values_count, 3);
    assert_int_equal(entry->zone, ZONE);
    assert_int_equal(entry->rrsig_len, 0);
    assert_int_equal(entry->expires_at_s, 1700000000);
    assert_int_equal(entry->rrset_len, sizeof first + sizeof second + 12 + 256);
    assert_memory_equal(entry->rrset, first, sizeof first);
    assert_memory_equal(entry->rrset + sizeof first, second, sizeof second);
    assert_memory_equal(entry->rrset + sizeof first + sizeof second, third, sizeof third);
    assert_int_equal(entry->rrset[entry->rrset_len - 1], 'x');
    delegate_table_free(table);
}

static void the_longest_state_fits(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = {.id = id_of(1), .zone = ZONE, .values_count = DELEGATE_VALUES_MAX};
    for (unsigned i = 0; i < DELEGATE_VALUES_MAX; i++) {
        memset(state.values[i].text, 'a' + (int)i, DELEGATE_VALUE_LEN_MAX);
        state.values[i].len = DELEGATE_VALUE_LEN_MAX;
    }
    char persistent[DELEGATE_PERSISTENT_LEN_MAX];
    memset(persistent, 'p', sizeof persistent);
    assert_int_equal(delegate_persistent_add(&state, persistent, DELEGATE_PERSISTENT_LEN_MAX - 7 * 3 - 2), 0);
    for (unsigned i = 1; i < DELEGATE_PERSISTENT_VALUES_MAX; i++) {
        assert_int_equal(delegate_persistent_add(&state, &"0123456789"[i], 1), 0);
    }
    apply(table, &state);
    const unsigned persistent_len = 12 + 4 + 1001 + 7 * (12 + 2);
    assert_int_equal(find(table, 1)->persistent_len, persistent_len);
    assert_int_equal(find(table, 1)->rrset_len, persistent_len + 16 * (12 + 256));
    delegate_table_free(table);
}

/* Persistent values come first and stay when the others expire; a long one is cut into strings. */
static void persistent_values_outlast_the_others(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = state_of(1, 1, 0);
    char text[300];
    memset(text, 'x', sizeof text);
    state.expires_at_s = 1000;
    assert_int_equal(delegate_persistent_add(&state, text, sizeof text), 0);
    apply(table, &state);
    const struct delegate_entry *entry = find(table, 1);
    const unsigned persistent_len = 12 + 2 + 300;
    assert_int_equal(delegate_entry_served(entry, 999).count, 2);
    assert_int_equal(delegate_entry_served(entry, 999).len, entry->rrset_len);
    assert_int_equal(delegate_entry_served(entry, 1000).count, 1);
    assert_int_equal(delegate_entry_served(entry, 1000).len, persistent_len);
    assert_int_equal(entry->rrset[10] << 8 | entry->rrset[11], 302);
    assert_int_equal(entry->rrset[12], 255);
    assert_int_equal(entry->rrset[12 + 256], 45);

    while (delegate_table_sweep(table, 1000, 1 << 20) == 0) {
    }
    entry = find(table, 1);
    assert_int_equal(entry->rrset_len, persistent_len);
    assert_int_equal(delegate_entry_served(entry, 5000).count, 1);
    assert_int_equal(entry->rrset[12 + 256], 45);

    state.persistent_len--;
    assert_int_equal(delegate_table_apply(table, &state, 1), TXTD_EINVAL); /* not in their form */
    state.persistent_count = 0;
    state.persistent_len = 0;
    apply(table, &state);
    assert_int_equal(find(table, 1)->persistent_len, 0);
    assert_int_equal(delegate_entry_served(find(table, 1), 1000).count, 0);
    delegate_table_free(table);
}

/* No record stands in an RRset twice (RFC 2181 section 5), whatever a store holds. */
static void equal_values_are_served_once(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = {.id = id_of(1), .zone = ZONE, .expires_at_s = 1000};
    static const char *const values[] = {"p1", "v", "v", "p2", "V", "v ", "v"};
    char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    assert_int_equal(delegate_persistent_add(&state, "p1", 2), 0);
    assert_int_equal(delegate_persistent_add(&state, long_text, sizeof long_text), 0);
    assert_int_equal(delegate_persistent_add(&state, "p1", 2), 0);
    assert_int_equal(delegate_persistent_add(&state, "p2", 2), 0);
    assert_int_equal(delegate_persistent_add(&state, long_text, sizeof long_text), 0);
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        state.values[i].len = (uint8_t)strlen(values[i]);
        memcpy(state.values[i].text, values[i], state.values[i].len);
        state.values_count++;
    }
    apply(table, &state);
    const struct delegate_entry *entry = find(table, 1);
    const unsigned persistent_len = 2 * (12 + 3) + 12 + 302;
    assert_int_equal(entry->persistent_count, 3); /* p1, the long one, p2 */
    assert_int_equal(entry->persistent_len, persistent_len);
    assert_int_equal(entry->values_count, 6); /* v, V, "v " */
    assert_int_equal(entry->rrset_len, persistent_len + 2 * (12 + 2) + 12 + 3);
    assert_memory_equal(entry->rrset + 12, "\2p1", 3);
    assert_memory_equal(entry->rrset + persistent_len - 3, "\2p2", 3);
    assert_memory_equal(entry->rrset + persistent_len + 12, "\1v", 2);
    assert_memory_equal(entry->rrset + entry->rrset_len - 3, "\2v ", 3);
    assert_int_equal(delegate_entry_served(entry, 1000).count, 3);

    state.values_count = 1; /* p1 alone, which stays when it expires */
    apply(table, &state);
    assert_int_equal(delegate_entry_served(find(table, 1), 999).count, 3);
    assert_int_equal(delegate_entry_served(find(table, 1), 1000).count, 3);
    delegate_table_free(table);
}

static void zone_and_id_together_are_the_key(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = state_of(1, 1, 0);
    apply(table, &state);
    struct delegate_id id = id_of(1);
    assert_null(delegate_table_find(table, ZONE + 1, &id));
    assert_non_null(delegate_table_find(table, ZONE, &id));
    state.zone = ZONE + 1;
    state.values_count = 0;
    apply(table, &state);
    assert_int_equal(delegate_table_find(table, ZONE, &id)->values_count, 1);
    assert_int_equal(delegate_table_find(table, ZONE + 1, &id)->values_count, 0);
    delegate_table_free(table);
}

static void disabled_or_empty_is_idle_and_deleted_is_gone(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = state_of(1, 2, 0);
    apply(table, &state);
    assert_int_equal(find(table, 1)->values_count, 2);
    state.disabled = true;
    apply(table, &state);
    assert_int_equal(find(table, 1)->values_count, 0);
    assert_int_equal(find(table, 1)->rrset_len, 0);
    state.disabled = false;
    apply(table, &state);
    assert_int_equal(find(table, 1)->values_count, 2);
    state.values_count = 0;
    apply(table, &state);
    assert_int_equal(find(table, 1)->values_count, 0);
    apply(table, &state);
    state.deleted = true;
    apply(table, &state);
    assert_null(find(table, 1));
    apply(table, &state); /* twice is no error */
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    assert_int_equal(stats.delegates, 0);
    assert_int_equal(stats.live, 0);
    delegate_table_free(table);
}

static void a_bad_state_is_refused(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = state_of(1, 1, 0);
    state.values_count = DELEGATE_VALUES_MAX + 1;
    assert_int_equal(delegate_table_apply(table, &state, TTL_S), TXTD_EINVAL);
    state.values_count = 1;
    state.expires_at_s = -1;
    assert_int_equal(delegate_table_apply(table, &state, TTL_S), TXTD_EINVAL);
    assert_null(find(table, 1));
    state.expires_at_s = INT64_C(1) << 40; /* after 2106 */
    apply(table, &state);
    assert_int_equal(find(table, 1)->expires_at_s, UINT32_MAX);
    delegate_table_free(table);
}

static void assert_entry_shows(const struct delegate_entry *entry, uint64_t number, unsigned count, unsigned generation)
{
    assert_non_null(entry);
    struct delegate_state expected = state_of(number, count, generation);
    assert_memory_equal(entry->id.octets, expected.id.octets, 16);
    assert_int_equal(entry->values_count, count);
    const uint8_t *at = entry->rrset;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(at[12], expected.values[i].len);
        assert_memory_equal(at + 13, expected.values[i].text, expected.values[i].len);
        at += 13 + expected.values[i].len;
    }
    assert_int_equal(entry->rrset_len, count > 0 ? at - entry->rrset : 0);
}

/* Compares every key of the model, and the burst look-up with the single one. */
static void compare_with_model(const struct delegate_table *table, const int16_t model[], unsigned keys)
{
    struct delegate_lookup lookups[50];
    for (unsigned first = 0; first < keys; first += 50) {
        unsigned count = keys - first < 50 ? keys - first : 50;
        for (unsigned i = 0; i < count; i++) {
            lookups[i] = (struct delegate_lookup){.id = id_of(first + i), .zone = ZONE};
        }
        delegate_table_find_burst(table, lookups, count);
        for (unsigned i = 0; i < count; i++) {
            int generation = model[first + i];
            assert_ptr_equal(lookups[i].entry, find(table, first + i));
            if (generation < 0) {
                assert_null(lookups[i].entry);
            } else {
                assert_entry_shows(lookups[i].entry, first + i, (unsigned)generation % 4, (unsigned)generation);
            }
        }
    }
}

/* Random inserts, replacements and removals against a plain array, from a table of the smallest size. */
static void behaves_like_a_plain_array(void **unused)
{
    (void)unused;
    enum { KEYS = 6000, CHANGES = 60000 };
    static int16_t model[KEYS]; /* generation, -1: absent */
    memset(model, 0xff, sizeof model);
    struct delegate_table *table = table_new(0);
    unsigned short seed[3] = {1, 2, 3};
    uint64_t delegates = 0;
    uint64_t live = 0;
    for (unsigned change = 0; change < CHANGES; change++) {
        /* The range of keys grows and shrinks, so that tables do. */
        unsigned range = change < CHANGES / 2 ? KEYS : KEYS / 10;
        unsigned key = (unsigned)nrand48(seed) % range;
        delegates -= model[key] >= 0;
        live -= model[key] >= 0 && model[key] % 4 > 0;
        struct delegate_state state;
        if (nrand48(seed) % 3 == 0) {
            state = state_of(key, 0, 0);
            state.deleted = true;
            model[key] = -1;
        } else {
            unsigned generation = (unsigned)nrand48(seed) % 1000;
            state = state_of(key, generation % 4, generation);
            model[key] = (int16_t)generation;
        }
        apply(table, &state);
        delegates += model[key] >= 0;
        live += model[key] >= 0 && model[key] % 4 > 0;
        if (change % 2999 == 0) {
            compare_with_model(table, model, KEYS);
        }
    }
    compare_with_model(table, model, KEYS);
    struct delegate_table_stats stats;
    memset(&stats, 0xff, sizeof stats); /* every member is filled in */
    delegate_table_stats(table, &stats);
    assert_int_equal(stats.delegates, delegates);
    assert_int_equal(stats.live, live);
    assert_true(stats.grace_periods > 0);
    assert_true(stats.grace_periods < CHANGES / 1000); /* never one a change */
    assert_true(stats.grace_us_max <= stats.grace_us_total);
    assert_true(stats.grace_us_total < 600000000);
    delegate_table_free(table);
}

/* Keys that come and go leave tombstones; the table cleans itself and does not grow for them. */
static void tombstones_do_not_fill_the_table(void **unused)
{
    (void)unused;
    enum { PRESENT = 1000, CHANGES = 100000 };
    struct delegate_table *table = table_new(0);
    for (unsigned i = 0; i < CHANGES; i++) {
        struct delegate_state state = state_of(i, 0, 0);
        apply(table, &state);
        if (i >= PRESENT) {
            state = state_of(i - PRESENT, 0, 0);
            state.deleted = true;
            apply(table, &state);
        }
    }
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    assert_int_equal(stats.delegates, PRESENT);
    assert_true(stats.slots <= 4 * PRESENT);
    for (unsigned i = 0; i < CHANGES; i++) {
        assert_true((find(table, i) != NULL) == (i >= CHANGES - PRESENT));
    }
    delegate_table_free(table);
}

static void sweep_turns_expired_entries_idle(void **unused)
{
    (void)unused;
    enum { KEYS = 3000 };
    struct delegate_table *table = table_new(KEYS);
    for (unsigned i = 0; i < KEYS; i++) {
        struct delegate_state state = state_of(i, 1 + i % 3, 0);
        state.expires_at_s = i % 3 == 0 ? 0 : 100 + i % 3; /* never, 101, 102 */
        apply(table, &state);
    }
    unsigned turned = 0;
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    for (uint64_t slots = 0; slots < stats.slots; slots += 64) {
        turned += delegate_table_sweep(table, 101, 64);
    }
    assert_int_equal(turned, KEYS / 3);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(find(table, i)->values_count, i % 3 == 1 ? 0 : 1 + i % 3);
    }
    assert_int_equal(delegate_table_sweep(table, 1000, UINT32_MAX), KEYS / 3);
    assert_int_equal(delegate_table_sweep(table, 1000, UINT32_MAX), 0);
    delegate_table_stats(table, &stats);
    assert_int_equal(stats.live, KEYS / 3);
    delegate_table_free(table);
}

/* A growth that is under way ends by sweeping alone, when nobody inserts. */
static void sweep_ends_a_growth(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_table_stats before;
    struct delegate_table_stats stats;
    unsigned keys = 0;
    do { /* up to a change after which the table has just begun to grow */
        delegate_table_stats(table, &before);
        struct delegate_state state = state_of(keys++, 0, 0);
        apply(table, &state);
        delegate_table_stats(table, &stats);
    } while (keys < 2000 || stats.slots == before.slots);
    uint64_t both = stats.bytes;
    for (unsigned i = 0; i < 100000 && stats.bytes == both; i++) {
        assert_int_equal(delegate_table_sweep(table, 1, 8), 0);
        delegate_table_stats(table, &stats);
    }
    assert_true(stats.bytes < both);
    for (unsigned i = 0; i < keys; i++) {
        assert_non_null(find(table, i));
    }
    delegate_table_free(table);
}

struct build_part {
    struct delegate_table *table;
    unsigned builder;
    unsigned builders;
    unsigned keys;
    int rc;
};

static void *build_part_run(void *argument)
{
    struct build_part *part = argument;
    for (unsigned i = part->builder; i < part->keys && part->rc == 0; i += part->builders) {
        struct delegate_state state = state_of(i, i % 3, 0);
        part->rc = delegate_table_build_add(part->table, part->builder, &state, TTL_S);
    }
    return NULL;
}

static void builders_fill_the_table_together(void **unused)
{
    (void)unused;
    enum { BUILDERS = 3, KEYS = 100000 };
    struct delegate_table *table = table_new(0);
    assert_int_equal(delegate_table_build_begin(table, KEYS, BUILDERS), 0);
    struct build_part parts[BUILDERS];
    pthread_t threads[BUILDERS];
    for (unsigned i = 0; i < BUILDERS; i++) {
        parts[i] = (struct build_part){.table = table, .builder = i, .builders = BUILDERS, .keys = KEYS};
        assert_int_equal(pthread_create(&threads[i], NULL, build_part_run, &parts[i]), 0);
    }
    for (unsigned i = 0; i < BUILDERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(parts[i].rc, 0);
    }
    assert_int_equal(delegate_table_build_end(table), 0);
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    assert_int_equal(stats.delegates, KEYS);
    assert_int_equal(stats.live, KEYS / 3 * 2);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_entry_shows(find(table, i), i, i % 3, 0);
    }
    /* The writer goes on where the builders stopped. */
    for (unsigned i = 0; i < KEYS; i++) {
        struct delegate_state state = state_of(i, 1, 5);
        state.deleted = i % 2 == 0;
        apply(table, &state);
        state = state_of(KEYS + i, 0, 0);
        apply(table, &state);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 2 == 0) {
            assert_null(find(table, i));
        } else {
            assert_entry_shows(find(table, i), i, 1, 5);
        }
        assert_non_null(find(table, KEYS + i));
    }
    delegate_table_free(table);
}

static void the_builders_reserve_has_an_end(void **unused)
{
    (void)unused;
    struct delegate_table *table = table_new(0);
    struct delegate_state state = state_of(0, 0, 0);
    assert_int_equal(delegate_table_build_add(table, 0, &state, TTL_S), TXTD_EINVAL); /* before begin */
    assert_int_equal(delegate_table_build_begin(table, 100, 0), TXTD_EINVAL);
    assert_int_equal(delegate_table_build_begin(table, 100, 2), 0);
    assert_int_equal(delegate_table_build_add(table, 2, &state, TTL_S), TXTD_EINVAL);
    unsigned added = 0;
    int rc;
    do {
        state = state_of(added, 0, 0);
        rc = delegate_table_build_add(table, added % 2, &state, TTL_S);
        added += rc == 0;
    } while (rc == 0 && added < 100000);
    assert_int_equal(rc, TXTD_EFULL);
    assert_true(added >= 100);
    assert_int_equal(delegate_table_build_end(table), 0);
    for (unsigned i = 0; i < added; i++) {
        assert_non_null(find(table, i));
    }
    assert_null(find(table, added));
    state = state_of(added, 0, 0);
    apply(table, &state); /* grows now */
    assert_non_null(find(table, added));
    assert_int_equal(delegate_table_build_begin(table, 100, 1), TXTD_EINVAL); /* not empty */
    delegate_table_free(table);
}

/* What the design promises of memory: an idle delegate costs at most 40 octets, at any size. */
static void idle_delegates_are_cheap(void **unused)
{
    (void)unused;
    enum { KEYS = 1500000, CHECK_FROM = 1000000 };
    struct delegate_table *table = table_new(0);
    uint64_t slots = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        struct delegate_state state = {.id = id_of(i), .zone = ZONE};
        apply(table, &state);
        struct delegate_table_stats stats;
        delegate_table_stats(table, &stats);
        if (i >= CHECK_FROM && stats.slots != slots) {
            slots = stats.slots;
            uint64_t growing = stats.bytes;
            do { /* the growth ends */
                (void)delegate_table_sweep(table, 0, 1u << 20);
                delegate_table_stats(table, &stats);
            } while (stats.bytes == growing && growing > stats.delegates * 40 + (4u << 20));
            assert_in_range(stats.bytes, 1, stats.delegates * 40 + (4u << 20)); /* two chunks begun */
        }
    }
    assert_true(slots > 0);
    delegate_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rrset_is_the_wire_form_of_the_values),
        cmocka_unit_test(the_longest_state_fits),
        cmocka_unit_test(persistent_values_outlast_the_others),
        cmocka_unit_test(equal_values_are_served_once),
        cmocka_unit_test(zone_and_id_together_are_the_key),
        cmocka_unit_test(disabled_or_empty_is_idle_and_deleted_is_gone),
        cmocka_unit_test(a_bad_state_is_refused),
        cmocka_unit_test(behaves_like_a_plain_array),
        cmocka_unit_test(tombstones_do_not_fill_the_table),
        cmocka_unit_test(sweep_turns_expired_entries_idle),
        cmocka_unit_test(sweep_ends_a_growth),
        cmocka_unit_test(builders_fill_the_table_together),
        cmocka_unit_test(the_builders_reserve_has_an_end),
        cmocka_unit_test(idle_delegates_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
