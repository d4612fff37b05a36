#include "dataplane/zone/delegate_slots.h"

#include <assert.h>

#include "dataplane/zone/huge_map.h"

/* Loads, in 1/16 of the slots. A new array starts at 10/16 and is outgrown at 13/16, so that it is 1.3 times the one before
 * and a delegate's share of the slots is 9.8 to 12.8 octets. When no larger array can be had, insertion goes on up to 15/16;
 * more would make the search for an absent key long. */
#define LOAD_NEW   10
#define LOAD_GROW  13
#define LOAD_LIMIT 15
#define LOAD_WHOLE 16

#define BUCKETS_MIN 8

static uint64_t share(uint64_t slots, unsigned load)
{
    return slots / LOAD_WHOLE * load + slots % LOAD_WHOLE * load / LOAD_WHOLE;
}

static uint64_t slots_taken(const struct slot_array *array)
{
    return array->entries + array->tombstones;
}

uint64_t slot_array_buckets_for(uint64_t entries)
{
    uint64_t slots = entries / LOAD_NEW * LOAD_WHOLE + LOAD_WHOLE;
    uint64_t buckets = (slots + BUCKET_SLOTS - 1) / BUCKET_SLOTS;
    return buckets < BUCKETS_MIN ? BUCKETS_MIN : buckets;
}

int slot_array_map(struct slot_array *array, uint64_t buckets)
{
    if (buckets > (UINT64_C(1) << 48) / (BUCKET_SLOTS * sizeof(uint64_t))) {
        return TXTD_ENOMEM;
    }
    size_t len = (size_t)buckets * BUCKET_SLOTS * sizeof(uint64_t);
    if (len >= HUGE_PAGE_LEN) {
        len = (len + HUGE_PAGE_LEN - 1) / HUGE_PAGE_LEN * HUGE_PAGE_LEN;
    }
    uint64_t *slots = huge_map(len);
    if (slots == NULL) {
        return TXTD_ENOMEM;
    }
    /* The rounding is mapped anyway: let it be slots. */
    *array = (struct slot_array){.slots = slots, .buckets = len / (BUCKET_SLOTS * sizeof(uint64_t)), .mapped = len};
    return 0;
}

void slot_array_unmap(struct slot_array *array)
{
    huge_unmap(array->slots, array->mapped);
    *array = (struct slot_array){.slots = NULL};
}

uint64_t slot_array_limit(const struct slot_array *array)
{
    return share(array->buckets * BUCKET_SLOTS, LOAD_LIMIT);
}

bool slot_array_wants_growth(const struct slot_array *array)
{
    return slots_taken(array) >= share(array->buckets * BUCKET_SLOTS, LOAD_GROW);
}

bool slot_array_is_full(const struct slot_array *array)
{
    return slots_taken(array) >= slot_array_limit(array);
}

uint64_t *slot_array_find(const struct slot_array *array, uint64_t hash, uint16_t zone, const struct delegate_id *id)
{
    uint64_t value;
    const uint64_t *slot = slot_range_find(slot_array_range(array), hash, zone, id, &value);
    return slot == NULL ? NULL : array->slots + (slot - array->slots);
}

void slot_array_insert(struct slot_array *array, uint64_t hash, uint64_t value)
{
    uint64_t bucket = slot_home_bucket(array->buckets, hash);
    for (;;) { /* ends: the limit leaves a slot in sixteen empty */
        uint64_t *slots = array->slots + bucket * BUCKET_SLOTS;
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            if (!slot_has_entry(slots[i])) {
                array->tombstones -= slots[i] == SLOT_TOMBSTONE;
                array->entries++;
                slot_store(slots + i, value);
                return;
            }
        }
        bucket = slot_next_bucket(array->buckets, bucket);
    }
}

void slot_array_remove(struct slot_array *array, uint64_t *slot)
{
    assert(slot_has_entry(*slot));
    const uint64_t *slots = array->slots + (size_t)(slot - array->slots) / BUCKET_SLOTS * BUCKET_SLOTS;
    bool has_empty = false;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        has_empty |= slots[i] == SLOT_EMPTY;
    }
    array->entries--;
    array->tombstones += !has_empty;
    slot_store(slot, has_empty ? SLOT_EMPTY : SLOT_TOMBSTONE);
}

void slot_array_insert_shared(struct slot_array *array, uint64_t hash, uint64_t value)
{
    uint64_t bucket = slot_home_bucket(array->buckets, hash);
    for (;;) { /* ends: the builders' quotas keep the array below its limit */
        uint64_t *slots = array->slots + bucket * BUCKET_SLOTS;
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            uint64_t empty = SLOT_EMPTY;
            if (slot_load(slots + i) == SLOT_EMPTY &&
                __atomic_compare_exchange_n(slots + i, &empty, value, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
                return;
            }
        }
        bucket = slot_next_bucket(array->buckets, bucket);
    }
}
