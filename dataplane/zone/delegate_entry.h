/* delegate_entry.h: turns a delegate's state into the entry that readers copy from. Pure functions; any thread. */
#ifndef TXTD_DATAPLANE_ZONE_DELEGATE_ENTRY_H
#define TXTD_DATAPLANE_ZONE_DELEGATE_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/zone/delegate_table.h"

/* Octets of the longest entry: every value slot used, every value of full length. */
#define DELEGATE_ENTRY_LEN_MAX                                                                                         \
    (sizeof(struct delegate_entry) + (size_t)DELEGATE_VALUES_MAX * (12 + 1 + DELEGATE_VALUE_LEN_MAX) +                 \
     (size_t)DELEGATE_PERSISTENT_VALUES_MAX * (12 + 1) + DELEGATE_PERSISTENT_LEN_MAX +                                 \
     DELEGATE_PERSISTENT_LEN_MAX / DELEGATE_VALUE_LEN_MAX)

/* Whether the state can be served: counts within their bounds, persistent values in their form, a time of expiry that is not
 * negative.
 * Returns 0 or TXTD_EINVAL. */
int delegate_entry_check(const struct delegate_state *state);

/* Octets of the entry of a checked state; DELEGATE_ENTRY_IDLE_LEN when it has no values to serve. Of equal values only the first
 * is served. */
size_t delegate_entry_len(const struct delegate_state *state);

/* Fills `entry`, which has room for delegate_entry_len octets. */
void delegate_entry_fill(struct delegate_entry *entry, const struct delegate_state *state, uint32_t ttl_s);

/* Octets of an entry's own that has nothing left but what does not expire; DELEGATE_ENTRY_IDLE_LEN when that is nothing. */
size_t delegate_entry_lasting_len(const struct delegate_entry *entry);

/* Fills `lasting`, which has room for delegate_entry_lasting_len octets, with that. */
void delegate_entry_fill_lasting(struct delegate_entry *lasting, const struct delegate_entry *entry);

/* Fills `entry`, which has room for DELEGATE_ENTRY_IDLE_LEN octets, as the same delegate without values. */
void delegate_entry_fill_idle(struct delegate_entry *entry, const struct delegate_id *id, uint16_t zone);

#endif
