/* bcrypt.h: the hashes that acme-dns keeps of its keys.
 *
 * Slow on purpose (about 60 ms at acme-dns's cost of 10): nothing that answers requests may call bcrypt_matches; key_upgrade.h
 * does it elsewhere. Stateless; any thread.
 */
#ifndef TXTD_CONTROL_BCRYPT_H
#define TXTD_CONTROL_BCRYPT_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/error.h"

#define BCRYPT_HASH_LEN 60 /* "$2a$10$", 22 characters of salt, 31 of hash */
#define BCRYPT_COST_MIN 4
#define BCRYPT_COST_MAX 12 /* what is dearer is refused: each step doubles the work that a stranger can cause */
#define BCRYPT_KEY_MAX  72 /* octets that bcrypt looks at */

/* Whether these octets are a bcrypt hash ($2a$, $2b$ or $2y$) of any cost; *cost is it. Pure. */
bool bcrypt_is_hash(const void *hash, size_t len, unsigned *cost);

/* Whether `key`, of at most BCRYPT_KEY_MAX octets and without a NUL, has this hash, by a cost of at most BCRYPT_COST_MAX.
 * Returns 0, TXTD_EFORBIDDEN (it has not), TXTD_EINVAL (no such key, or no such hash) or TXTD_ENOMEM. */
int bcrypt_matches(const void *hash, size_t hash_len, const char *key, size_t key_len);

#endif
