/* record.h: how delegates and accounts are written in the store: keys and versioned values.
 *
 * Every value starts with the number of its format, so that a later txtd can change one kind of record and still read what is
 * there. What is usual is short: a delegate without values takes 3 octets beside its key, because there may be
 * 100 million of them. All functions are pure and may be called from any thread; none keeps a pointer.
 *
 * Delegate, format 1:  1, flags, version, [expires_at_s], [count, (set_at_s, len, text)...]
 *           format 2:  2, as format 1, then count, (len, text)... of the persistent values
 * Account, format 1:   1, version, delegate id, zone, created_s, keys, (scheme, len, hash, key_id, created_s)...,
 *                      allowfrom, (family and length, the prefix's octets)...
 *          format 2:   2, as format 1, then fields, [note: len, text], [slots], [value_expiry_s], [last_key_id]
 * Event, format 1:     1, kind, version, at_s, key_id, subject, family, address, len, text
 * Usage, format 1:     1, asked_hour, asked_count
 * Revoked, format 1:   1, username, key_id, at_s
 * Of two formats the lower one that can hold the record is written.
 * Integers are varints (octets.h). The times of values and keys are written as differences, from the one before and from
 * the account's.
 */
#ifndef TXTD_STORAGE_RECORD_H
#define TXTD_STORAGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/zone/delegate.h"
#include "storage/store.h"

#define RECORD_SCHEMA 1 /* the number of the whole layout: column families, keys, record formats */

#define RECORD_DELEGATE_KEY_LEN 18 /* zone number (big-endian, so that a zone is one range) + UUID */
#define RECORD_ACCOUNT_KEY_LEN  16 /* username */
#define RECORD_HISTORY_KEY_LEN  19 /* the delegate's key + a place: 0..STORE_HISTORY_MAX-1 an event, 255 the usage */
#define RECORD_REVOKED_KEY_MAX  (8 + 1 + 64) /* "revoked/", scheme, hash; in the meta family */

#define RECORD_DELEGATE_MAX (33 + DELEGATE_VALUES_MAX * (12 + DELEGATE_VALUE_LEN_MAX) + DELEGATE_PERSISTENT_LEN_MAX)
#define RECORD_ACCOUNT_MAX  (64 + STORE_KEYS_MAX * 96 + STORE_ALLOWFROM_MAX * 18 + 32 + STORE_NOTE_LEN_MAX)
#define RECORD_EVENT_MAX    (64 + STORE_EVENT_TEXT_MAX)
#define RECORD_USAGE_MAX    24
#define RECORD_REVOKED_MAX  48

#define RECORD_USAGE_PLACE 255

/* What a commit has to know of the record it replaces. */
struct record_head {
    uint64_t version;
    bool deleted;
};

void record_delegate_key(uint16_t zone, const struct delegate_id *id, uint8_t key[RECORD_DELEGATE_KEY_LEN]);

/* The zone and id of a key. Returns 0 or TXTD_ECORRUPT (wrong length). */
int record_delegate_key_decode(const uint8_t *key, size_t len, uint16_t *zone, struct delegate_id *id);

/* Encode: return the octets written, TXTD_ETRUNCATED (no room; RECORD_*_MAX always suffices) or TXTD_EINVAL (a count or
 * length above its bound). The key's parts are not in the value. */
int record_delegate_encode(const struct delegate_state *state, uint8_t *record, size_t capacity);
int record_account_encode(const struct store_account *account, uint8_t *record, size_t capacity);

/* Decode: return 0, TXTD_ECORRUPT, or TXTD_EUNSUPPORTED (a format from a newer txtd). They fill everything but the key's
 * parts (id and zone; username), which the caller sets; values above values_count are left as they were. What
 * they accept encodes to the same octets again. */
int record_delegate_decode(const uint8_t *record, size_t len, struct delegate_state *state);
int record_account_decode(const uint8_t *record, size_t len, struct store_account *account);

/* A delegate's history: the key of one place, and what stands there. Codes as above. */
void record_history_key(uint16_t zone, const struct delegate_id *id, uint8_t place,
                        uint8_t key[RECORD_HISTORY_KEY_LEN]);
int record_event_encode(const struct store_event *event, uint8_t *record, size_t capacity);
int record_event_decode(const uint8_t *record, size_t len, struct store_event *event);
int record_usage_encode(const struct store_usage *usage, uint8_t *record, size_t capacity);
int record_usage_decode(const uint8_t *record, size_t len, struct store_usage *usage);

/* The tombstone of a revoked key. The key of the record; returns its length. */
size_t record_revoked_key(const struct store_key *key, uint8_t out[RECORD_REVOKED_KEY_MAX]);
int record_revoked_encode(const struct store_revoked *revoked, uint8_t *record, size_t capacity);
int record_revoked_decode(const uint8_t *record, size_t len, struct store_revoked *revoked);

/* The first fields only. Same codes as decode. */
int record_delegate_head(const uint8_t *record, size_t len, struct record_head *head);
int record_account_head(const uint8_t *record, size_t len, struct record_head *head);

#endif
