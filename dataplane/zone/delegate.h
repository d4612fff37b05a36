/* delegate.h: what a delegate is: one name `<uuid>.<zone>` and the TXT values it holds.
 *
 * This is the one type of the dataplane that `storage` knows: what a commit makes durable, what the change feed
 * carries and what the delegate table serves are all a struct delegate_state.
 */
#ifndef TXTD_DATAPLANE_ZONE_DELEGATE_H
#define TXTD_DATAPLANE_ZONE_DELEGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

#define DELEGATE_VALUES_MAX    16  /* slots a zone may configure at most */
#define DELEGATE_VALUE_LEN_MAX 255 /* octets of one TXT character-string (RFC 1035 section 3.3) */
#define DELEGATE_ID_TEXT_LEN   36  /* characters of a UUID in its usual form (RFC 9562 section 4) */

/* Persistent values (dns-persist-01): longer ones become several strings of one record. */
#define DELEGATE_PERSISTENT_VALUES_MAX 8
#define DELEGATE_PERSISTENT_LEN_MAX    1024 /* octets of all of a delegate together, 2 more for each */

/* The 16 octets of a UUID, as RFC 9562 section 4 orders them. */
struct delegate_id {
    uint8_t octets[16];
};

/* One live TXT value. */
struct delegate_value {
    int64_t set_at_s; /* wall clock of the commit, seconds since 1970 */
    uint8_t len;      /* octets in text */
    char text[DELEGATE_VALUE_LEN_MAX];
};

/* Everything DNS needs to know of a delegate at one version. Values are ordered oldest first. What stands in the arrays
 * above their counts is nobody's. */
struct delegate_state {
    struct delegate_id id;
    uint16_t zone; /* number of the zone, given by the store, never reused */
    bool deleted;  /* a tombstone: answer as if it had never been */
    bool disabled; /* by the operator: answer as without values */
    uint8_t values_count;
    uint64_t version;     /* 0: never stored; grows by one with each commit */
    int64_t expires_at_s; /* values are not served from this second on; 0: never */
    struct delegate_value values[DELEGATE_VALUES_MAX];
    uint8_t persistent_count;                        /* persistent values */
    uint16_t persistent_len;                         /* octets of `persistent` in use */
    uint8_t persistent[DELEGATE_PERSISTENT_LEN_MAX]; /* each: 2 octets of length (big-endian), then the text */
};

/* Adds a persistent value behind those before. Returns 0, or TXTD_EINVAL for an empty one, TXTD_EFULL when there is no room.
 * Pure; any thread. */
int delegate_persistent_add(struct delegate_state *state, const char *text, size_t len);

/* Steps through the persistent values: *at is 0 at first. Returns the next one, of *len octets, or NULL at the end, or
 * where the octets break their own form. Pure; any thread. */
const char *delegate_persistent_next(const struct delegate_state *state, size_t *at, size_t *len);

/* Whether the persistent values have the form that they should. Pure; any thread. */
bool delegate_persistent_valid(const struct delegate_state *state);

/* Reads a UUID in the 36-character form, upper or lower case. `len` must be 36.
 * Returns 0 or TXTD_EINVAL. Pure; any thread. */
int delegate_id_parse(const char *text, size_t len, struct delegate_id *id);

/* Writes the 36 lower-case characters and a NUL. Pure; any thread. */
void delegate_id_format(const struct delegate_id *id, char text[DELEGATE_ID_TEXT_LEN + 1]);

#endif
