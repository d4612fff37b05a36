/* delegate_table_internal.h: the table's own structure, for the files delegate_table*.c alone.
 *
 * Ordering guarantees
 *
 * Entries. The writer fills an entry, then publishes its address with a release store into a slot; readers load slots with
 * acquire, so they see it whole. It is not changed afterwards. A replaced or removed entry leaves every slot first and is
 * freed after a grace period: a reader that got its address keeps it until its next quiescent state.
 *
 * One array. See delegate_slots.h: a key never changes place in an array, and a search ends only at a bucket that was never
 * full. So a search that begins after a key's insertion and ends before its removal finds it.
 *
 * Growth. `view` names the arrays to search: {fresh} or, while the slots of an older array are copied, {fresh, old}. A reader
 * loads `view` once a look-up (or burst), searches fresh, and then old. The writer
 *   - publishes {fresh, old} before the first insertion into fresh;
 *   - copies a slot, never moves it: it is published in fresh and stays in old. A reader that searched fresh too early
 *     finds the key in old;
 *   - replaces a key's entry in fresh first and then in old, so that nobody who saw the new entry sees the old one later;
 *   - removes a key from old and from fresh before it returns;
 *   - inserts new keys into fresh only;
 *   - publishes {fresh} when all slots are copied, waits for a grace period, and only then unmaps old. A reader that still
 *     has the view {fresh, old}, or {old}, began before that, and finds in old what was true when it began.
 *
 * Visibility. A look-up that starts after delegate_table_apply has returned (with the usual happens-before between the two
 * threads) sees its effect, because all stores are made before the return and are never taken back.
 */
#ifndef TXTD_DATAPLANE_ZONE_DELEGATE_TABLE_INTERNAL_H
#define TXTD_DATAPLANE_ZONE_DELEGATE_TABLE_INTERNAL_H

#include <stdint.h>

#include "dataplane/zone/delegate_hash.h"
#include "dataplane/zone/delegate_slots.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/slab.h"

/* What a reader searches, in this order. Immutable once published. */
struct table_view {
    struct slot_range fresh;
    struct slot_range old;
};

/* An array with the two views it is published by. */
struct table_array {
    struct slot_array slots;
    struct table_view growing; /* this one and its predecessor */
    struct table_view alone;
};

#define RETIRED_MAX 4096 /* entries that wait for a grace period; then one is waited for */

struct table_builder;

struct delegate_table {
    /* Read by everyone. */
    const struct table_view *view;
    struct delegate_hash_key key;

    /* Start-up's; never touched while readers are on line. */
    struct table_builder *builders;
    unsigned builders_count;
    uint64_t build_quota; /* entries that builders may still claim; atomic */

    /* The writer's. */
    struct table_array *current __attribute__((aligned(64)));
    struct table_array *old; /* being copied into current; NULL when not growing */
    uint64_t copied_buckets; /* of old */
    uint64_t sweep_bucket;
    struct slab slab;
    unsigned retired_count;
    struct delegate_entry *retired[RETIRED_MAX];

    /* Written by the writer, read by anyone: relaxed. */
    struct delegate_table_stats stats;
};

/* --- delegate_table_grow.c; the writer --- */

/* An array of `buckets` empty buckets, not published. NULL when out of memory. */
struct table_array *table_array_new(uint64_t buckets);
void table_array_free(struct table_array *array);

/* Publishes `array` as the only one; no reader can be in a search of another. */
void table_publish_alone(struct delegate_table *table, struct table_array *array);

/* Makes sure that one insertion into `current` fits, starting to grow when it is time. Returns 0 or TXTD_ENOMEM. */
int table_reserve_one(struct delegate_table *table);

/* Copies at most `buckets` buckets of the old array, and ends the growth after the last. */
void table_copy_some(struct delegate_table *table, uint64_t buckets);

/* --- delegate_table_retire.c; the writer --- */

/* Frees an entry that no slot names any more, after a grace period. */
void table_retire(struct delegate_table *table, struct delegate_entry *entry);

/* Waits for a grace period and frees all retired entries. */
void table_wait_for_readers(struct delegate_table *table);

/* --- Counters --- */

static inline void table_count(uint64_t *counter, int64_t change)
{
    __atomic_store_n(counter, *counter + (uint64_t)change, __ATOMIC_RELAXED);
}

/* Brings `slots` and `bytes` up to date. */
void table_count_memory(struct delegate_table *table);

#endif
