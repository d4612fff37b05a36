/* record.h: how delegates and accounts are written in the store: keys and versioned values.
 *
 * Every value starts with the number of its format, so that a later txtd can change one kind of record and still read what is
 * there. What is usual is short: a delegate without values takes 3 octets beside its key, because there may be
 * 100 million of them. All functions are pure and may be called from any thread; none keeps a pointer.
 *
 * Delegate, format 1:  1, flags, version, [expires_at_s], [count, (set_at_s, len, text)...]
 * Account, format 1:   1, version, delegate id, zone, created_s, keys, (scheme, len, hash, key_id, created_s)...,
 *                      allowfrom, (family and length, the prefix's octets)...
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

#define RECORD_DELEGATE_MAX (32 + DELEGATE_VALUES_MAX * (12 + DELEGATE_VALUE_LEN_MAX))
#define RECORD_ACCOUNT_MAX  (64 + STORE_KEYS_MAX * 96 + STORE_ALLOWFROM_MAX * 18)

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

/* The first fields only. Same codes as decode. */
int record_delegate_head(const uint8_t *record, size_t len, struct record_head *head);
int record_account_head(const uint8_t *record, size_t len, struct record_head *head);

#endif
