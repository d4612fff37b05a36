/* Growth: a larger array takes over piece by piece, with each write. The order that keeps readers right is stated in
 * delegate_table_internal.h. */
#include "dataplane/zone/delegate_table_internal.h"

#include <stdlib.h>

struct table_array *table_array_new(uint64_t buckets)
{
    struct table_array *array = calloc(1, sizeof *array);
    if (array == NULL || slot_array_map(&array->slots, buckets) != 0) {
        free(array);
        return NULL;
    }
    array->alone.fresh = slot_array_range(&array->slots);
    return array;
}

void table_array_free(struct table_array *array)
{
    if (array != NULL) {
        slot_array_unmap(&array->slots);
        free(array);
    }
}

void table_count_memory(struct delegate_table *table)
{
    uint64_t bytes = slab_bytes(&table->slab) + table->current->slots.mapped;
    if (table->old != NULL) {
        bytes += table->old->slots.mapped;
    }
    __atomic_store_n(&table->stats.bytes, bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&table->stats.slots, table->current->slots.buckets * BUCKET_SLOTS, __ATOMIC_RELAXED);
}

void table_publish_alone(struct delegate_table *table, struct table_array *array)
{
    table->current = array;
    __atomic_store_n(&table->view, &array->alone, __ATOMIC_RELEASE);
    table_count_memory(table);
}

/* Starts to copy into an array that suits the entries there are; it is smaller than the old one when tombstones filled
 * that. Returns 0 or TXTD_ENOMEM. */
static int start_growth(struct delegate_table *table)
{
    struct table_array *old = table->current;
    uint64_t buckets = slot_array_buckets_for(old->slots.entries);
    if (buckets < old->slots.buckets / 2) {
        buckets = old->slots.buckets / 2;
    }
    struct table_array *fresh = table_array_new(buckets);
    if (fresh == NULL) {
        return TXTD_ENOMEM;
    }
    fresh->growing.fresh = slot_array_range(&fresh->slots);
    fresh->growing.old = slot_array_range(&old->slots);
    table->old = old;
    table->copied_buckets = 0;
    table->sweep_bucket = 0;
    table->current = fresh;
    __atomic_store_n(&table->view, &fresh->growing, __ATOMIC_RELEASE);
    table_count_memory(table);
    return 0;
}

static void end_growth(struct delegate_table *table)
{
    struct table_array *old = table->old;
    table->old = NULL;
    table_publish_alone(table, table->current);
    table_wait_for_readers(table);
    table_array_free(old);
}

static void copy_bucket(struct delegate_table *table, const uint64_t *slots)
{
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (slot_has_entry(slots[i])) {
            const struct delegate_entry *entry = slot_entry(slots[i]);
            slot_array_insert(&table->current->slots, delegate_hash(&table->key, entry->zone, &entry->id), slots[i]);
        }
    }
}

void table_copy_some(struct delegate_table *table, uint64_t buckets)
{
    const struct slot_array *old = &table->old->slots;
    uint64_t end = buckets < old->buckets - table->copied_buckets ? table->copied_buckets + buckets : old->buckets;
    for (uint64_t bucket = table->copied_buckets; bucket < end; bucket++) {
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) { /* the entries' keys are hashed: let their misses overlap */
            __builtin_prefetch(slot_entry(old->slots[bucket * BUCKET_SLOTS + i]));
        }
    }
    for (; table->copied_buckets < end; table->copied_buckets++) {
        copy_bucket(table, old->slots + table->copied_buckets * BUCKET_SLOTS);
    }
    if (end == old->buckets) {
        end_growth(table);
    }
}

int table_reserve_one(struct delegate_table *table)
{
    if (!slot_array_wants_growth(&table->current->slots)) {
        return 0;
    }
    if (table->old != NULL) {
        table_copy_some(table, table->old->slots.buckets);
    }
    if (start_growth(table) != 0) {
        /* The array serves on until its limit. */
        return slot_array_is_full(&table->current->slots) ? TXTD_ENOMEM : 0;
    }
    return 0;
}
