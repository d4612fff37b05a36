/* store_directory.h: the directory of a store: is it ours, may we use it, does nobody else.
 *
 * A store's directory has a file TXTD-STORE with the number of the store's layout, written and synced before RocksDB
 * creates anything. A directory with other files and without it belongs to someone else. The number is that of the layout
 * which a reader must know; a migration raises it first and then changes the data, so that an older txtd never opens
 * what it half knows. Until the store is made whole the mark also says so: only then may RocksDB begin from nothing. A
 * store that was whole once and has lost files is refused, for RocksDB would make an empty one in its place.
 */
#ifndef TXTD_STORAGE_STORE_DIRECTORY_H
#define TXTD_STORAGE_STORE_DIRECTORY_H

#include <stdbool.h>

#include "dataplane/error.h"

#define STORE_MARKER "TXTD-STORE"

/* Makes `path` when it does not exist, checks it, marks it when it is new, and locks it against other processes until
 * *lock_fd is closed. *is_new: no store was ever whole in it. Returns 0 or, with `detail` and nothing touched, TXTD_EINVAL
 * (not ours), TXTD_EUNSUPPORTED (newer), TXTD_ECORRUPT (its mark is damaged), TXTD_EEXISTS (in use), TXTD_ESYS. Start-up
 * thread. */
int store_directory_claim(const char *path, int *lock_fd, bool *is_new, struct error_detail *detail);

/* The store in the claimed directory is whole: says so in its mark, durably. Returns 0 or TXTD_ESYS with a `detail`. */
int store_directory_settle(const char *path, int lock_fd, struct error_detail *detail);

/* Whether `path` is a store's whose layout we know, without locking or touching it. Returns 0 or a code with a `detail`:
 * TXTD_ENOTFOUND when there is none. */
int store_directory_look(const char *path, struct error_detail *detail);

/* Marks a directory whose files were made elsewhere as a store's that is not whole yet: the next opening finds out. Returns 0 or
 * TXTD_ESYS with a `detail`. */
int store_directory_mark(const char *path, struct error_detail *detail);

/* Locks what is to be replaced, whatever is wrong with it, until *lock_fd is closed; touches nothing. Returns 0, TXTD_ENOTFOUND (it
 * has no mark and is empty, or is not there), or with a `detail` TXTD_EINVAL (no mark, but other files: not ours),
 * TXTD_EEXISTS (in use), TXTD_ESYS. */
int store_directory_lock(const char *path, int *lock_fd, struct error_detail *detail);

/* Whether store_directory_exchange can do that with a directory beside `place`, found out with two empty ones that are gone afterwards:
 * not when it is a mount point, or on a file system that cannot exchange. Returns 0 or TXTD_ESYS with a `detail`. */
int store_directory_can_exchange(const char *place, struct error_detail *detail);

/* Puts the directory `made` in the place of `place`, which then has the name of `made`; at no moment is there nothing, and then it is
 * durable. Both are in one file system. Returns 0 or TXTD_ESYS with a `detail`, nothing changed but that it may not be durable. */
int store_directory_exchange(const char *made, const char *place, struct error_detail *detail);

/* Syncs the directory that holds `path`, so that a new entry survives power loss. Returns 0 or TXTD_ESYS. */
int store_directory_sync_parent(const char *path);

#endif
