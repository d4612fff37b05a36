/* backup.h: backups of a store: making them while it is in use, checking them, and making a store of one.
 *
 * A backup directory holds any number of backups of one store; files that did not change since the last one are shared, so
 * a further backup is small and quick. It is the form of RocksDB's backup engine, with the mark TXTD-BACKUP beside it; a
 * directory with anything else in it is not touched. Every file has a checksum (CRC-32C), which is compared after it was written
 * and again when a store is made of it.
 */
#ifndef TXTD_STORAGE_BACKUP_H
#define TXTD_STORAGE_BACKUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "storage/store.h"

#define BACKUP_MARKER   "TXTD-BACKUP"
#define BACKUP_KEEP_MAX 10000

struct backup_report {
    uint32_t number;    /* of the backup in its directory: they count up */
    int64_t made_at_s;  /* wall clock */
    uint64_t octets;    /* of all its files, shared ones too */
    uint32_t files;     /* compared with their checksums */
    uint32_t kept;      /* backups in the directory now */
    uint64_t delegates; /* backup_restore: in the store that was made */
};

/* Reads all of the store, makes a backup in `directory` (created with mode 0700 when it does not exist; its parent must), compares it
 * with its checksums, and leaves the newest `keep` (0: all). One thread at a time, beside the committer and the readers, which go on; meanwhile
 * store_suspend answers TXTD_EIO. `stop` (NULL: nobody) may be set by any thread: then it ends as soon as it can, before the next record
 * that is read or MiB that is compared; only while RocksDB copies files must that be waited for. Returns 0, or a code with a `detail`:
 * TXTD_EEXISTS (another one runs), TXTD_EINVAL (not a backup directory), TXTD_ENOSPC (looked at before anything is written),
 * TXTD_ECLOSED (stopped: no backup, or one that was not compared), TXTD_ECORRUPT, TXTD_EIO ... */
int store_backup(struct store *store, const char *directory, unsigned keep, const atomic_bool *stop,
                 struct backup_report *report, struct error_detail *detail);

/* Makes a store of the newest backup, or of backup `number` (0: the newest; refused with TXTD_ECORRUPT when there is a newer one that
 * is not whole, for nobody may want an older one unawares), at `options->directory`, which must not exist. Every
 * file is compared with its checksum and every delegate and account is read before it is called a store; what fails leaves
 * nothing behind. Any one thread. Returns 0 or a code with a `detail`: TXTD_ENOTFOUND (no such backup), TXTD_ECORRUPT ... */
int backup_restore(const char *directory, uint32_t number, const struct store_options *options,
                   struct backup_report *report, struct error_detail *detail);

/* Removes the store at `directory`, which a restore made and nobody put in its place. Nothing there is fine. Returns 0, or
 * with a `detail` TXTD_EINVAL (not a store), TXTD_EEXISTS (in use), TXTD_ESYS. */
int backup_restore_discard(const char *directory, struct error_detail *detail);

/* Compares every file of a backup with its checksum. `stop` and codes as above. */
int backup_check(const char *directory, uint32_t number, const atomic_bool *stop, struct backup_report *report,
                 struct error_detail *detail);

/* Whether `stop` is there and set; if so, `detail` says what that means. Any thread. */
bool backup_is_stopped(const atomic_bool *stop, struct error_detail *detail);

/* backup_directory.c: opens a backup directory that has the mark, or makes one, and locks it against other processes until
 * *lock_fd is closed. Codes as above. */
int backup_directory_claim(const char *path, bool make, int *lock_fd, struct error_detail *detail);

#endif
