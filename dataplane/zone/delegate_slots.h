/* delegate_slots.h: one array of slots of the delegate table, without its growth.
 *
 * A slot is 8 octets: 0 when empty, SLOT_TOMBSTONE after a removal, or
 *     63..48  tag: 16 bits of the key's hash that do not choose the bucket, never 0
 *     47..3   address of the entry, which is aligned to 8 octets
 *      2..0   extra cache lines of the entry that are worth a prefetch; 0 exactly when the entry is idle
 * Eight slots make a bucket, one cache line. The upper bits of the hash choose the home bucket (a multiplication, so that
 * the number of buckets need not be a power of two, and so that a larger array keeps the order of a smaller one). A key is
 * in its home bucket, or, when that was full at its insertion, in the next one that was not, and so on round the array.
 *
 * Invariant: a bucket that was ever full never gets an empty slot again (a removal from a full bucket leaves a tombstone).
 * So a bucket with an empty slot was never full, no key of it went further, and a search may end there. A reader that loads
 * the eight slots one by one, while the writer changes them, keeps this right: if a key was pushed past a bucket before the
 * reader began, the reader can see no empty slot there; and in its own bucket a key never changes place.
 */
#ifndef TXTD_DATAPLANE_ZONE_DELEGATE_SLOTS_H
#define TXTD_DATAPLANE_ZONE_DELEGATE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/zone/delegate_table.h"

#define BUCKET_SLOTS   8u
#define SLOT_EMPTY     UINT64_C(0)
#define SLOT_TOMBSTONE UINT64_C(1)
#define SLOT_LINES_MAX 7u

struct slot_array {
    uint64_t *slots;
    uint64_t buckets;
    size_t mapped;    /* octets */
    uint64_t entries; /* slots with an entry */
    uint64_t tombstones;
};

/* What readers are given of an array: enough to search it. */
struct slot_range {
    const uint64_t *slots;
    uint64_t buckets; /* 0: nothing to search */
};

static inline struct slot_range slot_array_range(const struct slot_array *array)
{
    return (struct slot_range){.slots = array->slots, .buckets = array->buckets};
}

/* --- One slot --- */

static inline uint16_t slot_tag_of(uint64_t hash)
{
    uint16_t tag = (uint16_t)hash;
    return tag != 0 ? tag : 1;
}

/* Octets of an entry that readers touch. */
static inline size_t slot_entry_octets(const struct delegate_entry *entry)
{
    return entry->values_count == 0 ? DELEGATE_ENTRY_IDLE_LEN
                                    : offsetof(struct delegate_entry, rrset) + entry->rrset_len + entry->rrsig_len;
}

static inline uint64_t slot_make(uint64_t hash, const struct delegate_entry *entry)
{
    uint64_t address = (uint64_t)(uintptr_t)entry;
    uint64_t lines = 0;
    if (entry->values_count > 0) {
        lines = ((address + slot_entry_octets(entry) - 1) >> 6) - (address >> 6);
        lines = lines == 0 ? 1 : lines > SLOT_LINES_MAX ? SLOT_LINES_MAX : lines;
    }
    return (uint64_t)slot_tag_of(hash) << 48 | address | lines;
}

static inline bool slot_has_entry(uint64_t slot)
{
    return slot > SLOT_TOMBSTONE;
}

static inline struct delegate_entry *slot_entry(uint64_t slot)
{
    return (struct delegate_entry *)(uintptr_t)(slot & UINT64_C(0x0000fffffffffff8));
}

static inline unsigned slot_lines(uint64_t slot)
{
    return (unsigned)(slot & SLOT_LINES_MAX);
}

static inline uint64_t slot_load(const uint64_t *slot)
{
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* Publishes an entry that has been filled, or the end of one. */
static inline void slot_store(uint64_t *slot, uint64_t value)
{
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

/* --- Searching; any thread --- */

static inline uint64_t slot_home_bucket(uint64_t buckets, uint64_t hash)
{
    return (uint64_t)(((unsigned __int128)hash * buckets) >> 64);
}

static inline uint64_t slot_next_bucket(uint64_t buckets, uint64_t bucket)
{
    return bucket + 1 == buckets ? 0 : bucket + 1;
}

static inline bool entry_is(const struct delegate_entry *entry, uint16_t zone, const struct delegate_id *id)
{
    return memcmp(entry->id.octets, id->octets, sizeof id->octets) == 0 && entry->zone == zone;
}

/* The slot with that key, and its value when it was looked at in *value; NULL when the array has none. */
static inline const uint64_t *slot_range_find(struct slot_range range, uint64_t hash, uint16_t zone,
                                              const struct delegate_id *id, uint64_t *value)
{
    uint64_t tag = slot_tag_of(hash);
    uint64_t bucket = range.buckets > 0 ? slot_home_bucket(range.buckets, hash) : 0;
    for (uint64_t i = 0; i < range.buckets; i++) {
        const uint64_t *slots = range.slots + bucket * BUCKET_SLOTS;
        bool has_empty = false;
        for (unsigned j = 0; j < BUCKET_SLOTS; j++) {
            uint64_t slot = slot_load(slots + j);
            if (slot >> 48 == tag && entry_is(slot_entry(slot), zone, id)) {
                *value = slot;
                return slots + j;
            }
            has_empty |= slot == SLOT_EMPTY;
        }
        if (has_empty) {
            return NULL;
        }
        bucket = slot_next_bucket(range.buckets, bucket);
    }
    return NULL;
}

/* --- Changing; the writer, or one builder a slot --- */

/* Buckets of an array that `entries` entries fill to the load a new array starts with. */
uint64_t slot_array_buckets_for(uint64_t entries);

/* Maps an array of empty slots. Returns 0 or TXTD_ENOMEM. */
int slot_array_map(struct slot_array *array, uint64_t buckets);

/* Unmaps; harmless on a zeroed struct. */
void slot_array_unmap(struct slot_array *array);

/* Whether the array is at the load where a larger one should be made, or at the one that it must never pass. */
bool slot_array_wants_growth(const struct slot_array *array);
bool slot_array_is_full(const struct slot_array *array);

/* Entries the array takes at most. */
uint64_t slot_array_limit(const struct slot_array *array);

/* The writer's slot of that key, or NULL. */
uint64_t *slot_array_find(const struct slot_array *array, uint64_t hash, uint16_t zone, const struct delegate_id *id);

/* Publishes a key that the array does not have; slot_array_is_full is false. */
void slot_array_insert(struct slot_array *array, uint64_t hash, uint64_t value);

/* Empties a slot that has an entry. */
void slot_array_remove(struct slot_array *array, uint64_t *slot);

/* As slot_array_insert while other threads do the same, without counting. No reader, no removal. */
void slot_array_insert_shared(struct slot_array *array, uint64_t hash, uint64_t value);

#endif
