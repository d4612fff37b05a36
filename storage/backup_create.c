/* Making a backup of a store that is in use. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/backup.h"
#include "storage/backup_engine.h"
#include "storage/store_internal.h"

/* From here on the database stays open: neither the keeper nor a successor closes it, for they look, with `reopening` held for
 * writing. Here it is held for reading, so that no reader is refused. */
static int begin(struct store *store, struct error_detail *detail)
{
    int code = 0;
    pthread_rwlock_rdlock(&store->reopening);
    if (store->database.db == NULL || atomic_load(&store->broken) || atomic_load(&store->suspended)) {
        code = error_describe(detail, TXTD_EIO, "the store takes no changes now; try again once it does");
    } else if (atomic_exchange(&store->backing_up, true)) {
        code = error_describe(detail, TXTD_EEXISTS, "another backup is being made");
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}

static uint64_t octets_in(const char *directory)
{
    DIR *entries = opendir(directory);
    uint64_t octets = 0;
    struct stat status;
    if (entries == NULL) {
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
            octets += (uint64_t)status.st_size;
        }
    }
    (void)closedir(entries);
    return octets;
}

/* All of it must fit, shared files or not, and leave the reserve free: a full disk is the store's end, too. */
static int check_space(const struct store *store, const char *directory, struct error_detail *detail)
{
    struct statvfs space;
    if (statvfs(directory, &space) != 0) {
        return error_describe(detail, TXTD_ESYS, "backup directory %s: its free space is not known", directory);
    }
    uint64_t available = (uint64_t)space.f_bavail * space.f_frsize;
    uint64_t needed = octets_in(store->directory) + store->reserve;
    return available >= needed
               ? 0
               : error_describe(detail, TXTD_ENOSPC,
                                "backup directory %s: %llu MiB are free, %llu MiB are needed (with store.reserve)",
                                directory, (unsigned long long)(available >> 20), (unsigned long long)(needed >> 20));
}

static int create(struct store *store, const char *directory, unsigned keep, const atomic_bool *stop,
                  struct backup_report *report, struct error_detail *detail)
{
    struct backup_engine engine;
    struct backup_report newest = {0};
    char *error = NULL;
    int code = check_space(store, directory, detail);
    /* Else damage is backed up, and the good backups purged. */
    code = code != 0 ? code : store_verify(store, stop, detail);
    code = code != 0 ? code : backup_engine_open(directory, store->database.env, &engine, detail);
    if (code != 0) {
        return code;
    }
    rocksdb_backup_engine_create_new_backup_flush(engine.engine, store->database.db, 1, &error);
    code = error == NULL ? backup_engine_find(&engine, 0, &newest, detail) : backup_engine_fail(&engine, detail, error);
    code = code != 0 ? code : backup_check(directory, newest.number, stop, report, detail);
    if (code == 0 && keep > 0) {
        rocksdb_backup_engine_purge_old_backups(engine.engine, keep, &error);
        code = error == NULL ? backup_engine_find(&engine, 0, &newest, detail)
                             : backup_engine_fail(&engine, detail, error);
    }
    report->kept = newest.kept;
    backup_engine_close(&engine);
    return code;
}

int store_backup(struct store *store, const char *directory, unsigned keep, const atomic_bool *stop,
                 struct backup_report *report, struct error_detail *detail)
{
    int lock_fd = -1;
    *report = (struct backup_report){0};
    int code = begin(store, detail);
    if (code != 0) {
        return code;
    }
    code = backup_directory_claim(directory, true, &lock_fd, detail);
    if (code == 0) {
        code = create(store, directory, keep, stop, report, detail);
        (void)close(lock_fd);
    }
    atomic_store(&store->backing_up, false);
    return code;
}
