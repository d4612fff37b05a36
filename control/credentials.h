/* credentials.h: usernames and API keys: making them, hashing them, comparing them.
 *
 * A key has 240 random bits, so one SHA-256 protects it as well as a slow hash would, and the request path stays fast.
 * Stateless; any thread.
 */
#ifndef TXTD_CONTROL_CREDENTIALS_H
#define TXTD_CONTROL_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/zone/delegate.h"
#include "storage/store.h"

#define CREDENTIALS_KEY_LEN  40 /* characters of an API key, of A-Z a-z 0-9 - _ : 240 bits */
#define CREDENTIALS_HASH_LEN 32 /* octets of a SHA-256 */

#define CREDENTIALS_TOKEN_ID_LEN 8 /* hexadecimal digits that name a token in logs */

/* A random UUID, version 4 (RFC 9562 section 5.4), from getrandom(2). Returns 0 or TXTD_ESYS. */
int credentials_make_id(struct delegate_id *id);

/* The username of a delegate's account, which whoever has the store's secret can tell from the delegate's name: so no index from
 * delegate to account has to be kept. To everybody else it is as good as random (HMAC-SHA-256, RFC 2104). Returns 0 or
 * TXTD_ENOMEM. */
int credentials_make_username(const uint8_t secret[STORE_SECRET_LEN], const struct delegate_id *delegate,
                              struct delegate_id *username);

/* A random key and a NUL. Returns 0 or TXTD_ESYS. */
int credentials_make_key(char key[CREDENTIALS_KEY_LEN + 1]);

/* SHA-256 (FIPS 180-4) of `len` octets. Returns 0 or TXTD_ENOMEM. */
int credentials_hash(const void *octets, size_t len, uint8_t hash[CREDENTIALS_HASH_LEN]);

/* The name of a token in logs: the first digits of its hash, which tell nothing that helps to guess it. Written with a NUL. */
void credentials_token_id(const uint8_t hash[CREDENTIALS_HASH_LEN], char id[CREDENTIALS_TOKEN_ID_LEN + 1]);

/* Whether the two are equal, in a time that does not depend on where they differ. */
bool credentials_equal(const void *a, const void *b, size_t len);

/* Makes `key` the store's form of a hashed API key. */
void credentials_store_key(const uint8_t hash[CREDENTIALS_HASH_LEN], uint32_t key_id, int64_t now_s,
                           struct store_key *key);

/* Whether `hash` is that of one of the account's keys; all are compared whatever matches. `key_id` (may be NULL) names the
 * one that matched. */
bool credentials_match(const struct store_account *account, const uint8_t hash[CREDENTIALS_HASH_LEN], uint32_t *key_id);

#endif
