/* key_index.h: finds the keys that occur more than once in one batch.
 *
 * A bounded hash from delegate or account keys to a number, emptied in constant time for the next batch. One thread.
 */
#ifndef TXTD_STORAGE_KEY_INDEX_H
#define TXTD_STORAGE_KEY_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/zone/delegate.h"

struct key_index;

#define KEY_INDEX_NONE UINT32_MAX

/* For at most `keys_max` different keys at a time. Returns 0 or TXTD_ENOMEM. */
int key_index_new(size_t keys_max, struct key_index **index);
void key_index_free(struct key_index *index);

/* Forgets all keys. */
void key_index_clear(struct key_index *index);

/* Where the number of this key is kept; KEY_INDEX_NONE stands there when the key is new. Valid until the next call. The
 * caller keeps to keys_max. */
uint32_t *key_index_at(struct key_index *index, uint16_t zone, const struct delegate_id *id);

#endif
