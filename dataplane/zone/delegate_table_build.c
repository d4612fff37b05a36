/* Start-up: several threads fill the table at once, while no reader is on line.
 *
 * Each builder has its own slab, so that only the slots are shared; a slot is taken by compare-and-swap. The slot's cache
 * line is prefetched a few entries ahead. Builders claim room in portions, which keeps the array below its limit. */
#include "dataplane/zone/delegate_table_internal.h"

#include <stdlib.h>

#include "dataplane/zone/delegate_entry.h"

#define PENDING_MAX   16  /* insertions under way in one builder */
#define QUOTA_PORTION 256 /* entries claimed at once */

struct pending {
    uint64_t hash;
    uint64_t value;
};

struct table_builder {
    struct slab slab;
    uint64_t quota; /* entries it may add before it claims more */
    uint64_t delegates;
    uint64_t live;
    unsigned next; /* of pending, round and round; value 0: unused */
    struct pending pending[PENDING_MAX];
} __attribute__((aligned(64)));

int delegate_table_build_begin(struct delegate_table *table, uint64_t expected, unsigned builders)
{
    if (builders == 0 || table->builders != NULL || table->stats.delegates > 0 || table->old != NULL) {
        return TXTD_EINVAL;
    }
    /* Whatever the others have claimed and not used, `expected` fit. */
    uint64_t buckets = slot_array_buckets_for(expected + (uint64_t)builders * QUOTA_PORTION);
    struct table_builder *made = aligned_alloc(_Alignof(struct table_builder), builders * sizeof *made);
    struct table_array *array = table_array_new(buckets);
    if (made == NULL || array == NULL) {
        free(made);
        table_array_free(array);
        return TXTD_ENOMEM;
    }
    memset(made, 0, builders * sizeof *made);
    for (unsigned i = 0; i < builders; i++) {
        slab_init(&made[i].slab);
    }
    table_array_free(table->current);
    table_publish_alone(table, array);
    table->build_quota = slot_array_limit(&array->slots);
    table->builders = made;
    table->builders_count = builders;
    return 0;
}

/* Claims room for one more entry. Returns 0 or TXTD_EFULL. */
static int claim_room(struct delegate_table *table, struct table_builder *builder)
{
    if (builder->quota == 0) {
        uint64_t left = __atomic_load_n(&table->build_quota, __ATOMIC_RELAXED);
        uint64_t portion;
        do {
            portion = left < QUOTA_PORTION ? left : QUOTA_PORTION;
        } while (portion > 0 && !__atomic_compare_exchange_n(&table->build_quota, &left, left - portion, true,
                                                             __ATOMIC_RELAXED, __ATOMIC_RELAXED));
        builder->quota = portion;
    }
    return builder->quota > 0 ? 0 : TXTD_EFULL;
}

static void insert_pending(struct delegate_table *table, struct pending *pending)
{
    if (pending->value != SLOT_EMPTY) {
        slot_array_insert_shared(&table->current->slots, pending->hash, pending->value);
        pending->value = SLOT_EMPTY;
    }
}

int delegate_table_build_add(struct delegate_table *table, unsigned builder, const struct delegate_state *state,
                             uint32_t ttl_s)
{
    if (builder >= table->builders_count || delegate_entry_check(state) != 0) {
        return TXTD_EINVAL;
    }
    if (state->deleted) {
        return 0;
    }
    struct table_builder *self = &table->builders[builder];
    int rc = claim_room(table, self);
    if (rc != 0) {
        return rc;
    }
    unsigned size_class = slab_class_of(delegate_entry_len(state));
    struct delegate_entry *entry = slab_alloc(&self->slab, size_class);
    if (entry == NULL) {
        return TXTD_ENOMEM;
    }
    entry->size_class = (uint8_t)size_class;
    delegate_entry_fill(entry, state, ttl_s);
    self->quota--;
    self->delegates++;
    self->live += entry->values_count > 0;

    struct pending *pending = &self->pending[self->next++ % PENDING_MAX];
    insert_pending(table, pending);
    pending->hash = delegate_hash(&table->key, state->zone, &state->id);
    pending->value = slot_make(pending->hash, entry);
    const struct slot_array *array = &table->current->slots;
    __builtin_prefetch(array->slots + slot_home_bucket(array->buckets, pending->hash) * BUCKET_SLOTS, 1);
    return 0;
}

int delegate_table_build_end(struct delegate_table *table)
{
    for (unsigned i = 0; i < table->builders_count; i++) {
        struct table_builder *builder = &table->builders[i];
        for (unsigned j = 0; j < PENDING_MAX; j++) {
            insert_pending(table, &builder->pending[j]);
        }
        slab_merge(&table->slab, &builder->slab);
        table->current->slots.entries += builder->delegates;
        table_count(&table->stats.delegates, (int64_t)builder->delegates);
        table_count(&table->stats.live, (int64_t)builder->live);
    }
    free(table->builders);
    table->builders = NULL;
    table->builders_count = 0;
    table_count_memory(table);
    return 0;
}
