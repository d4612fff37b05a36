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

/* Where a search that did not end in its first bucket stands. */
struct probe {
    struct slot_range range;
    uint64_t bucket;
    uint64_t buckets_left; /* this one included */
    bool in_old;
    uint8_t lookup; /* which of the burst */
};

static void prefetch_bucket(struct slot_range range, uint64_t bucket)
{
    __builtin_prefetch(range.slots + bucket * BUCKET_SLOTS);
}

/* What one bucket says. */
enum verdict { VERDICT_CANDIDATE, VERDICT_ABSENT, VERDICT_NEXT };

/* Makes the lines of a candidate's entry come. The first is loaded, not prefetched: this fills the TLB, too, without which
 * processors may drop the prefetches that follow (at 10 M delegates that halves the time of a burst). */
static void fetch_entry(uint64_t slot)
{
    const char *entry = (const char *)slot_entry(slot);
    __asm__ volatile("" : : "r"(*(const volatile char *)entry));
    __builtin_prefetch(entry + DELEGATE_ENTRY_IDLE_LEN - 1);
    if (slot_lines(slot) > 0) {
        __builtin_prefetch(entry + CACHE_LINE);
        __builtin_prefetch(entry +
                           (size_t)2 * CACHE_LINE); /* one too many at times is cheaper than a branch mispredicted */
    }
    for (unsigned line = 3; line <= slot_lines(slot); line++) {
        __builtin_prefetch(entry + (size_t)line * CACHE_LINE);
    }
}

/* Looks through one bucket for the tag of `hash`. The slot of a candidate becomes *found; its key is compared later, when its
 * cache line has come. */
static inline enum verdict look_into_bucket(struct slot_range range, uint64_t bucket, uint64_t hash, uint64_t *found)
{
    const uint64_t *slots = range.slots + bucket * BUCKET_SLOTS;
    uint64_t tag = slot_tag_of(hash);
    bool has_empty = false;
#pragma GCC unroll 8
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t slot = slot_load(slots + i);
        if (slot >> 48 == tag) {
            *found = slot;
            return VERDICT_CANDIDATE;
        }
        has_empty |= slot == SLOT_EMPTY;
    }
    return has_empty ? VERDICT_ABSENT : VERDICT_NEXT;
}

/* Goes to the bucket after one that had no candidate. Returns false when the search has ended. */
static bool probe_go_on(struct probe *probe, const struct table_view *view, uint64_t hash, enum verdict verdict)
{
    if (verdict == VERDICT_NEXT && --probe->buckets_left > 0) {
        probe->bucket = slot_next_bucket(probe->range.buckets, probe->bucket);
    } else if (!probe->in_old && view->old.buckets > 0) {
        probe->in_old = true;
        probe->range = view->old;
        probe->buckets_left = view->old.buckets;
        probe->bucket = slot_home_bucket(view->old.buckets, hash);
    } else {
        return false;
    }
    prefetch_bucket(probe->range, probe->bucket);
    return true;
}

/* The searches that go on behind their first bucket, a bucket a round. */
static void finish_probes(struct probe probes[], unsigned count, const struct table_view *view,
                          const struct delegate_lookup lookups[], uint64_t found[])
{
    while (count > 0) {
        unsigned left = 0;
        for (unsigned i = 0; i < count; i++) {
            struct probe probe = probes[i];
            uint64_t hash = lookups[probe.lookup].hash;
            enum verdict verdict = look_into_bucket(probe.range, probe.bucket, hash, &found[probe.lookup]);
            if (verdict != VERDICT_CANDIDATE && probe_go_on(&probe, view, hash, verdict)) {
                probes[left++] = probe;
            }
        }
        count = left;
    }
}

static void find_some(const struct delegate_table *table, struct delegate_lookup lookups[], unsigned count)
{
    const struct table_view *view = view_load(table);
    const struct slot_range fresh = view->fresh;
    uint64_t home[BURST_MAX];
    uint64_t found[BURST_MAX]; /* the slots of candidates, or SLOT_EMPTY */
    struct probe probes[BURST_MAX];
    unsigned probes_count = 0;

    for (unsigned i = 0; i < count; i++) {
        lookups[i].hash = delegate_hash(&table->key, lookups[i].zone, &lookups[i].id);
        found[i] = SLOT_EMPTY;
        home[i] = slot_home_bucket(fresh.buckets, lookups[i].hash);
        prefetch_bucket(fresh, home[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        enum verdict verdict = look_into_bucket(fresh, home[i], lookups[i].hash, &found[i]);
        if (verdict == VERDICT_NEXT || (verdict == VERDICT_ABSENT && view->old.buckets > 0)) {
            struct probe *probe = &probes[probes_count];
            *probe =
                (struct probe){.range = fresh, .bucket = home[i], .buckets_left = fresh.buckets, .lookup = (uint8_t)i};
            probes_count += probe_go_on(probe, view, lookups[i].hash, verdict);
        }
    }
    finish_probes(probes, probes_count, view, lookups, found);
    /* A loop of its own, so short that the processor has the accesses of many entries under way at once. */
    for (unsigned i = 0; i < count; i++) {
        if (found[i] != SLOT_EMPTY) {
            fetch_entry(found[i]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        struct delegate_lookup *lookup = &lookups[i];
        lookup->entry = found[i] != SLOT_EMPTY ? slot_entry(found[i]) : NULL;
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
