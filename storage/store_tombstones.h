/* store_tombstones.h: deletions and revocations, carried from one store into an older copy of it.
 *
 * A backup does not know what was deleted after it was made. Whoever puts it in the place of the store carries the tombstones
 * over, so that a deleted name stays deleted and a revoked key stays shut out.
 */
#ifndef TXTD_STORAGE_STORE_TOMBSTONES_H
#define TXTD_STORAGE_STORE_TOMBSTONES_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/error.h"

struct store;

struct store_tombstones {
    size_t deleted, revoked; /* accounts and keys that `to` still had */
    bool incomplete;         /* some of `from` could not be read: there may be more */
};

/* Deletes in `to` the accounts and delegates that are deleted in `from`, and revokes the keys that were revoked there. `from` may
 * be a reader's, and damaged: what can be read of it is carried. Both are this thread's alone. Returns 0 or a code with a `detail`; started again, it goes on where it was. */
int store_tombstones_carry(struct store *from, struct store *to, struct store_tombstones *carried,
                           struct error_detail *detail);

#endif
