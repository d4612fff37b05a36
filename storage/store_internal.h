/* store_internal.h: what the files of the RocksDB store share. Nobody else includes it.
 *
 * Who may do what: the committer thread commits; the keeper thread (store_keeper.c) watches free space and opens the database
 * anew after an I/O error, for which it takes `reopening` for writing; everybody else holds it for reading around each
 * use of the database: readers by store_hold, so that none of them waits for a disk.
 */
#ifndef TXTD_STORAGE_STORE_INTERNAL_H
#define TXTD_STORAGE_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/database.h"
#include "storage/record.h"
#include "storage/store.h"

struct commit_scratch;
struct store_keeper;

struct store {
    struct database database;
    int lock_fd;
    pthread_rwlock_t reopening;

    /* Written by the committer (and by the keeper while the committer is kept out), read by any thread. */
    _Atomic uint64_t revision;
    _Atomic uint64_t delegates;

    _Atomic bool broken;       /* a write failed: no commit until the keeper has reopened the database */
    _Atomic bool space_is_low; /* set by the keeper */
    _Atomic uint64_t disk_used, disk_available; /* likewise */
    _Atomic bool backing_up;                    /* nobody closes the database: set with `reopening` held */
    _Atomic bool suspended; /* another process may have the database: set with `reopening` held for writing */
    char *directory;
    uint64_t reserve;

    /* What brings back the state before a commit whose write failed; NULL when there was none. Written by the committer
     * before it sets `broken`, then the keeper's. */
    rocksdb_writebatch_t *undo;

    struct commit_scratch *scratch; /* the committer's */
    struct store_keeper *keeper;
};

/* The meta family. */
#define META_SCHEMA      "schema" /* varint: the layout the data has */
#define META_STATE       "state"  /* varints: revision, delegates */
#define META_SECRET      "secret"
#define META_ZONE_PREFIX "zone/" /* + apex: varint: number */

enum { STORE_STATE_MAX = 20 }; /* octets of META_STATE's value */

/* Returns the octets written. */
size_t store_state_encode(uint64_t revision, uint64_t delegates, uint8_t state[STORE_STATE_MAX]);

/* store_meta.c. Reads schema and state, written first when the store is being made. Start-up. Returns 0 or a code. */
int store_meta_load(struct store *store, bool make, struct error_detail *detail);

/* After opening anew: whether the database still has every revision that was acknowledged. Returns 0 or a code. */
int store_meta_check(struct store *store);

/* The numbers of all zones, in a list which the caller frees. Returns 0 or a code. */
int store_zone_numbers(struct store *store, uint16_t **numbers, size_t *count, struct error_detail *detail);

/* store_rocksdb.c. Writes the memtables out, so that the next start has no log to replay. What fails here is in the log still. */
void store_flush(struct store *store);

/* For those who must not wait: holds `reopening` for reading, or returns false while the database is opened anew or given away, which may
 * take long on a sick disk. They answer TXTD_EIO then. Afterwards pthread_rwlock_unlock. */
static inline bool store_hold(struct store *store)
{
    return pthread_rwlock_tryrdlock(&store->reopening) == 0;
}

/* store_verify.c. Reads every record; the caller sees to it that the database stays open. `stop` as of store_backup. Returns 0 or a
 * code with a `detail`. */
int store_verify(struct store *store, const atomic_bool *stop, struct error_detail *detail);

/* store_commit.c. */
int commit_scratch_new(unsigned history, struct commit_scratch **scratch);
void commit_scratch_free(struct commit_scratch *scratch);

/* store_keeper.c. Start looks at the free space once before it returns. Returns 0 or a code. */
int store_keeper_start(struct store *store, const char *directory);
void store_keeper_stop(struct store *store);

/* A write failed: wakes the keeper. */
void store_keeper_alarm(struct store *store);

#endif
