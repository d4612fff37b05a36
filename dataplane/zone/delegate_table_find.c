/* The table as its readers see it. */
#include "dataplane/zone/delegate_table_internal.h"

#define CACHE_LINE 64
#define BURST_MAX  32 /* look-ups whose accesses overlap; more than a core has line-fill buffers */

static const struct table_view *view_load(const struct delegate_table *table)
{
    return __atomic_load_n(&table->view, __ATOMIC_ACQUIRE);
}

static const struct delegate_entry *view_find(const struct table_view *view, uint64_t hash, uint16_t zone,
                                              const struct delegate_id *id)
{
    uint64_t value;
    if (slot_range_find(view->fresh, hash, zone, id, &value) != NULL ||
        slot_range_find(view->old, hash, zone, id, &value) != NULL) {
        return slot_entry(value);
    }
    return NULL;
}

const struct delegate_entry *delegate_table_find(const struct delegate_table *table, uint16_t zone,
                                                 const struct delegate_id *id)
{
    return view_find(view_load(table), delegate_hash(&table->key, zone, id), zone, id);
}

/* Where the search for one name of a burst stands. */
struct probe {
    struct slot_range range;
    uint64_t bucket;
    uint64_t buckets_left;
    bool in_old;
};

/* Goes to the home bucket in `range`. Returns false when there is nothing to search. */
static bool probe_start(struct probe *probe, struct slot_range range, uint64_t hash)
{
    probe->range = range;
    probe->buckets_left = range.buckets;
    if (range.buckets == 0) {
        return false;
    }
    probe->bucket = slot_home_bucket(range.buckets, hash);
    __builtin_prefetch(range.slots + probe->bucket * BUCKET_SLOTS);
    return true;
}

/* What one bucket says. */
enum verdict { VERDICT_CANDIDATE, VERDICT_ABSENT, VERDICT_NEXT };

/* Looks through one bucket for the tag; a candidate's key is compared later, when its cache line has come. */
static enum verdict probe_bucket(const struct probe *probe, uint64_t tag, uint64_t *candidate)
{
    const uint64_t *slots = probe->range.slots + probe->bucket * BUCKET_SLOTS;
    bool has_empty = false;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t slot = slot_load(slots + i);
        if (slot >> 48 == tag) {
            *candidate = slot;
            return VERDICT_CANDIDATE;
        }
        has_empty |= slot == SLOT_EMPTY;
    }
    return has_empty ? VERDICT_ABSENT : VERDICT_NEXT;
}

static void prefetch_entry(uint64_t slot)
{
    const char *entry = (const char *)slot_entry(slot);
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + DELEGATE_ENTRY_IDLE_LEN - 1);
    for (unsigned line = 1; line <= slot_lines(slot); line++) {
        __builtin_prefetch(entry + (size_t)line * CACHE_LINE);
    }
}

/* Takes one search a bucket further. Returns false when it has ended: `lookup->entry` is a candidate or NULL. */
static bool probe_advance(struct probe *probe, const struct table_view *view, struct delegate_lookup *lookup)
{
    uint64_t candidate;
    switch (probe_bucket(probe, slot_tag_of(lookup->hash), &candidate)) {
    case VERDICT_CANDIDATE:
        prefetch_entry(candidate);
        lookup->entry = slot_entry(candidate);
        return false;
    case VERDICT_NEXT:
        if (--probe->buckets_left > 0) {
            probe->bucket = slot_next_bucket(probe->range.buckets, probe->bucket);
            __builtin_prefetch(probe->range.slots + probe->bucket * BUCKET_SLOTS);
            return true;
        }
        break;
    case VERDICT_ABSENT: break;
    }
    if (!probe->in_old) {
        probe->in_old = true;
        return probe_start(probe, view->old, lookup->hash);
    }
    return false;
}

static void find_some(const struct delegate_table *table, struct delegate_lookup lookups[], unsigned count)
{
    const struct table_view *view = view_load(table);
    struct probe probes[BURST_MAX];
    uint8_t searching[BURST_MAX]; /* indices of the look-ups that go on */
    unsigned searching_count = 0;

    for (unsigned i = 0; i < count; i++) {
        lookups[i].hash = delegate_hash(&table->key, lookups[i].zone, &lookups[i].id);
        lookups[i].entry = NULL;
        probes[i].in_old = false;
        if (probe_start(&probes[i], view->fresh, lookups[i].hash)) {
            searching[searching_count++] = (uint8_t)i;
        }
    }
    while (searching_count > 0) {
        unsigned left = 0;
        for (unsigned i = 0; i < searching_count; i++) {
            unsigned index = searching[i];
            if (probe_advance(&probes[index], view, &lookups[index])) {
                searching[left++] = (uint8_t)index;
            }
        }
        searching_count = left;
    }
    for (unsigned i = 0; i < count; i++) {
        struct delegate_lookup *lookup = &lookups[i];
        if (lookup->entry != NULL && !entry_is(lookup->entry, lookup->zone, &lookup->id)) {
            /* Another key with the same tag, once in some ten thousand look-ups. */
            lookup->entry = view_find(view, lookup->hash, lookup->zone, &lookup->id);
        }
    }
}

void delegate_table_find_burst(const struct delegate_table *table, struct delegate_lookup lookups[], unsigned count)
{
    while (count > 0) {
        unsigned some = count < BURST_MAX ? count : BURST_MAX;
        find_some(table, lookups, some);
        lookups += some;
        count -= some;
    }
}
