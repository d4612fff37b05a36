/* The table as its one writer sees it. */
#include "dataplane/zone/delegate_table_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "dataplane/zone/delegate_entry.h"

/* Each change copies so many buckets while the table grows. A new array has room for three sixteenths of its slots in
 * insertions before it must grow itself, and is at least half as large as the old one: two buckets a change would do. */
#define COPY_BUCKETS_PER_CHANGE 4

_Static_assert(DELEGATE_ENTRY_LEN_MAX <= SLAB_OBJECT_MAX, "every state has a size class");

static int key_make(struct delegate_hash_key *key)
{
    ssize_t got;
    do {
        got = getrandom(key, sizeof *key, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *key ? 0 : TXTD_ESYS;
}

int delegate_table_new(uint64_t expected, struct delegate_table **table)
{
    struct delegate_table *made = aligned_alloc(_Alignof(struct delegate_table), sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    memset(made, 0, sizeof *made);
    slab_init(&made->slab);
    struct table_array *array = table_array_new(slot_array_buckets_for(expected));
    if (array == NULL || key_make(&made->key) != 0) {
        table_array_free(array);
        free(made);
        return TXTD_ENOMEM;
    }
    table_publish_alone(made, array);
    *table = made;
    return 0;
}

void delegate_table_free(struct delegate_table *table)
{
    if (table == NULL) {
        return;
    }
    (void)delegate_table_build_end(table);
    table_array_free(table->old);
    table_array_free(table->current);
    slab_release(&table->slab);
    free(table);
}

/* Where a key is now. */
struct place {
    uint64_t *current; /* slot in the newest array, or NULL */
    uint64_t *old;     /* slot in the array that is being copied, or NULL */
};

static struct place place_of(const struct delegate_table *table, uint64_t hash, uint16_t zone,
                             const struct delegate_id *id)
{
    struct place place = {.current = slot_array_find(&table->current->slots, hash, zone, id)};
    if (table->old != NULL) {
        place.old = slot_array_find(&table->old->slots, hash, zone, id);
    }
    return place;
}

static struct delegate_entry *place_entry(struct place place)
{
    const uint64_t *slot = place.current != NULL ? place.current : place.old;
    return slot == NULL ? NULL : slot_entry(*slot);
}

static void remove_entry(struct delegate_table *table, struct place place)
{
    struct delegate_entry *entry = place_entry(place);
    if (entry == NULL) {
        return;
    }
    if (place.old != NULL) {
        slot_array_remove(&table->old->slots, place.old);
    }
    if (place.current != NULL) {
        slot_array_remove(&table->current->slots, place.current);
    }
    table_count(&table->stats.delegates, -1);
    table_count(&table->stats.live, entry->values_count > 0 ? -1 : 0);
    table_retire(table, entry);
}

static void replace_entry(struct delegate_table *table, struct place place, uint64_t hash,
                          const struct delegate_entry *entry)
{
    struct delegate_entry *replaced = place_entry(place);
    uint64_t value = slot_make(hash, entry);
    if (place.current != NULL) {
        slot_store(place.current, value);
    }
    if (place.old != NULL) {
        slot_store(place.old, value);
    }
    table_count(&table->stats.live, (entry->values_count > 0) - (replaced->values_count > 0));
    table_retire(table, replaced);
}

static struct delegate_entry *entry_new(struct delegate_table *table, size_t len)
{
    unsigned size_class = slab_class_of(len);
    struct delegate_entry *entry = slab_alloc(&table->slab, size_class);
    if (entry != NULL) {
        entry->size_class = (uint8_t)size_class;
    }
    return entry;
}

static int insert_entry(struct delegate_table *table, uint64_t hash, struct delegate_entry *entry)
{
    int rc = table_reserve_one(table);
    if (rc != 0) {
        slab_free(&table->slab, entry); /* nobody saw it */
        return rc;
    }
    slot_array_insert(&table->current->slots, hash, slot_make(hash, entry));
    table_count(&table->stats.delegates, 1);
    table_count(&table->stats.live, entry->values_count > 0);
    return 0;
}

int delegate_table_apply(struct delegate_table *table, const struct delegate_state *state, uint32_t ttl_s)
{
    if (delegate_entry_check(state) != 0) {
        return TXTD_EINVAL;
    }
    if (table->old != NULL) {
        table_copy_some(table, COPY_BUCKETS_PER_CHANGE);
    }
    uint64_t hash = delegate_hash(&table->key, state->zone, &state->id);
    struct place place = place_of(table, hash, state->zone, &state->id);
    if (state->deleted) {
        remove_entry(table, place);
        return 0;
    }
    size_t len = delegate_entry_len(state);
    const struct delegate_entry *present = place_entry(place);
    if (present != NULL && present->values_count == 0 && len == DELEGATE_ENTRY_IDLE_LEN) {
        return 0; /* idle it was and idle it stays */
    }
    struct delegate_entry *entry = entry_new(table, len);
    if (entry == NULL) {
        return TXTD_ENOMEM;
    }
    delegate_entry_fill(entry, state, ttl_s);
    int rc = 0;
    if (present != NULL) {
        replace_entry(table, place, hash, entry);
    } else {
        rc = insert_entry(table, hash, entry);
    }
    table_count_memory(table);
    return rc;
}

/* Takes what has expired out of the entry of one slot. */
static unsigned sweep_slot(struct delegate_table *table, uint64_t *slot, int64_t now_s)
{
    uint64_t value = *slot;
    if (!slot_has_entry(value) || slot_lines(value) == 0) {
        return 0; /* idle ones are known by their slot: no access to the entry */
    }
    const struct delegate_entry *live = slot_entry(value);
    if (live->expires_at_s == 0 || (int64_t)live->expires_at_s > now_s) {
        return 0;
    }
    struct delegate_entry *lasting = entry_new(table, delegate_entry_lasting_len(live));
    if (lasting == NULL) {
        return 0; /* a later round will; readers look at the time of expiry themselves */
    }
    delegate_entry_fill_lasting(lasting, live);
    uint64_t hash = delegate_hash(&table->key, live->zone, &live->id);
    replace_entry(table, (struct place){.current = slot}, hash, lasting);
    return 1;
}

unsigned delegate_table_sweep(struct delegate_table *table, int64_t now_s, unsigned budget)
{
    uint64_t buckets = ((uint64_t)budget + BUCKET_SLOTS - 1) / BUCKET_SLOTS;
    if (table->old != NULL) {
        /* First things first: a growth that waits for insertions would hold two arrays for long. */
        table_copy_some(table, buckets);
        return 0;
    }
    unsigned turned = 0;
    const struct slot_array *array = &table->current->slots;
    buckets = buckets < array->buckets ? buckets : array->buckets;
    for (uint64_t i = 0; i < buckets; i++) {
        uint64_t *slots = array->slots + table->sweep_bucket * BUCKET_SLOTS;
        for (unsigned j = 0; j < BUCKET_SLOTS; j++) {
            turned += sweep_slot(table, slots + j, now_s);
        }
        table->sweep_bucket = slot_next_bucket(array->buckets, table->sweep_bucket);
    }
    table_count_memory(table);
    return turned;
}

void delegate_table_stats(const struct delegate_table *table, struct delegate_table_stats *stats)
{
    stats->delegates = __atomic_load_n(&table->stats.delegates, __ATOMIC_RELAXED);
    stats->live = __atomic_load_n(&table->stats.live, __ATOMIC_RELAXED);
    stats->slots = __atomic_load_n(&table->stats.slots, __ATOMIC_RELAXED);
    stats->bytes = __atomic_load_n(&table->stats.bytes, __ATOMIC_RELAXED);
    stats->retired = __atomic_load_n(&table->stats.retired, __ATOMIC_RELAXED);
    stats->grace_periods = __atomic_load_n(&table->stats.grace_periods, __ATOMIC_RELAXED);
    stats->grace_us_total = __atomic_load_n(&table->stats.grace_us_total, __ATOMIC_RELAXED);
    stats->grace_us_max = __atomic_load_n(&table->stats.grace_us_max, __ATOMIC_RELAXED);
}
