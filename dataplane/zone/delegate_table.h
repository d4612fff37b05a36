/* delegate_table.h: the served delegates, a hash table read by every DNS worker and written by one thread.
 *
 * Open addressing over 8-byte slots (16-bit tag, 48-bit pointer) with a keyed hash over (zone, UUID), for labels come
 * from outside. Entries are slab objects that are never changed in place once visible: the writer builds a new entry,
 * publishes it with a release store, and frees the old one after a grace period of liburcu's QSBR flavour.
 * Growing copies slots piece by piece, with each write, and never stalls a reader.
 *
 * Threads: any number of readers, each a registered QSBR reader that is on line; ONE writer, which is not.
 */
#ifndef TXTD_DATAPLANE_ZONE_DELEGATE_TABLE_H
#define TXTD_DATAPLANE_ZONE_DELEGATE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/zone/delegate.h"

struct delegate_table;

/* What a reader sees of one delegate. Immutable; valid until the reader's next quiescent state.
 * `rrset` holds `values_count` TXT records in wire form, each with the owner as a pointer to offset 12 (0xC00C), class
 * IN and the zone's TTL, ready to be copied behind the question. Persistent values come first, for they stay when the
 * others expire. */
struct delegate_entry {
    struct delegate_id id;
    uint16_t zone;
    uint8_t values_count; /* 0: idle: answers NODATA */
    uint8_t size_class;   /* of the slab it lives in; the table's own */
    uint16_t rrset_len;   /* octets; 0 when idle */
    uint16_t rrsig_len;   /* octets of the RRSIG that follows rrset; 0: unsigned */
    /* Only when values_count > 0: */
    uint32_t expires_at_s;    /* the values are not served from this wall clock second on (good until 2106); 0: never */
    uint16_t persistent_len;  /* octets of rrset that the persistent values take */
    uint8_t persistent_count; /* of values_count */
    uint8_t reserved;
    uint8_t rrset[];
};

/* What of an entry's rrset is served at that wall clock second: its first `len` octets, `count` records. */
struct delegate_served {
    uint16_t len;
    uint8_t count;
};

static inline struct delegate_served delegate_entry_served(const struct delegate_entry *entry, int64_t now_s)
{
    if (entry->values_count == 0) {
        return (struct delegate_served){0, 0};
    }
    if (entry->expires_at_s == 0 || now_s < (int64_t)entry->expires_at_s) {
        return (struct delegate_served){entry->rrset_len, entry->values_count};
    }
    return (struct delegate_served){entry->persistent_len, entry->persistent_count};
}

/* Bytes of an idle entry: the fields above `expires_at_s`. */
#define DELEGATE_ENTRY_IDLE_LEN offsetof(struct delegate_entry, expires_at_s)

/* One look-up of a burst. The caller sets `id` and `zone`; delegate_table_find_burst the rest. */
struct delegate_lookup {
    struct delegate_id id;
    uint16_t zone;
    uint64_t hash;
    const struct delegate_entry *entry; /* result; NULL: no such delegate */
};

struct delegate_table_stats {
    uint64_t delegates;                    /* entries visible */
    uint64_t live;                         /* of them with values */
    uint64_t slots;                        /* of the newest slot array */
    uint64_t bytes;                        /* slots + slabs, as mapped */
    uint64_t retired;                      /* entries that wait for a grace period */
    uint64_t grace_periods;                /* waited for so far */
    uint64_t grace_us_total, grace_us_max; /* for how long: a worker that does not come by makes it grow */
};

/* Makes an empty table with room for about `expected` delegates before it first grows (0 is fine). Start-up thread.
 * Returns 0 or TXTD_ENOMEM; the caller owns *table and frees it with delegate_table_free. */
int delegate_table_new(uint64_t expected, struct delegate_table **table);

/* Frees table and entries. No reader may be left. */
void delegate_table_free(struct delegate_table *table);

/* --- Readers: registered with QSBR and on line. No locks, no system calls, no allocation. --- */

/* Looks up `count` names so that their memory accesses overlap: hash and prefetch all slots, then prefetch all entries,
 * then compare. Results are valid until the caller's next quiescent state. */
void delegate_table_find_burst(const struct delegate_table *table, struct delegate_lookup lookups[], unsigned count);

/* The same for a single name. */
const struct delegate_entry *delegate_table_find(const struct delegate_table *table, uint16_t zone,
                                                 const struct delegate_id *id);

/* --- The writer: one thread. May wait for a grace period, so it must not be an on-line QSBR reader. --- */

/* Makes `state` what readers see: inserts, replaces, or (state->deleted) removes. `ttl_s` goes into the records. A state
 * without values, or disabled, becomes an idle entry. Visible to every look-up that starts after the return.
 * Returns 0, TXTD_ENOMEM (nothing changed) or TXTD_EINVAL. */
int delegate_table_apply(struct delegate_table *table, const struct delegate_state *state, uint32_t ttl_s);

/* Turns up to `budget` slots' worth of expired entries into idle ones, going round the table from call to call.
 * `now_s` is the wall clock. Returns the number of entries turned. */
unsigned delegate_table_sweep(struct delegate_table *table, int64_t now_s, unsigned budget);

/* Reads the counters. Writer thread, or any thread that accepts slightly old numbers. */
void delegate_table_stats(const struct delegate_table *table, struct delegate_table_stats *stats);

/* --- Start-up: before any reader is on line, several threads fill the table at once. --- */

/* Reserves room for `expected` delegates. Start-up thread, before any builder. Returns 0 or TXTD_ENOMEM. */
int delegate_table_build_begin(struct delegate_table *table, uint64_t expected, unsigned builders);

/* As delegate_table_apply, from builder thread `builder` (0 .. builders-1). Threads may build at the same time; a delegate
 * that is given twice is an error of the caller. Returns 0, TXTD_ENOMEM, TXTD_EINVAL, or TXTD_EFULL when the reserve of
 * build_begin is used up. */
int delegate_table_build_add(struct delegate_table *table, unsigned builder, const struct delegate_state *state,
                             uint32_t ttl_s);

/* Ends the building; after all builder threads have been joined. Returns 0 or TXTD_ENOMEM. */
int delegate_table_build_end(struct delegate_table *table);

#endif
