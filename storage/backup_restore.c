/* Making a store of a backup. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backup_engine.h"
#include "storage/database_files.h"
#include "storage/store_directory.h"

#define SUFFIX        ".restoring"
#define ACCOUNTS_PAGE 256

/* Removes the directory of a restore that failed: its files, for RocksDB makes no directories in it. */
static void remove_directory(const char *path)
{
    DIR *entries = opendir(path);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        (void)unlinkat(dirfd(entries), entry->d_name, 0);
    }
    (void)closedir(entries);
    (void)rmdir(path);
}

/* Whether it has files of a backup in it, which has a list or has lost it; another backup directory has not. */
static bool has_files(int fd)
{
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    bool found = false;
    if (entries == NULL) {
        return false;
    }
    for (struct dirent *entry; !found && (entry = readdir(entries)) != NULL;) {
        found = entry->d_name[0] != '.';
    }
    found = found && faccessat(dirfd(entries), BACKUP_MARKER, F_OK, 0) != 0;
    (void)closedir(entries);
    return found;
}

/* The number of a list (a file) or of a backup's own files (a directory), also of one that was not finished: NUMBER or NUMBER.tmp; 0:
 * it is neither. */
static uint32_t number_of(int directory_fd, const char *name)
{
    char *end = NULL;
    unsigned long number = name[0] >= '0' && name[0] <= '9' ? strtoul(name, &end, 10) : 0;
    struct stat status;
    if (number == 0 || number > UINT32_MAX || (end[0] != '\0' && strcmp(end, ".tmp") != 0) ||
        fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0;
    }
    if (S_ISDIR(status.st_mode)) {
        int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (!has_files(fd)) {
            return 0;
        }
    }
    return (uint32_t)number;
}

/* The highest number that has something in this part of a backup directory; temporary files count, too. */
static uint32_t highest_in(const char *directory, const char *part)
{
    char path[4096];
    uint32_t highest = 0;
    DIR *entries = snprintf(path, sizeof path, "%s/%s", directory, part) < (int)sizeof path ? opendir(path) : NULL;
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        uint32_t number = number_of(dirfd(entries), entry->d_name);
        highest = number > highest ? number : highest;
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    return highest;
}

/* RocksDB passes over a backup whose list it cannot read. */
static int check_newest(const char *directory, uint32_t newest, struct error_detail *detail)
{
    uint32_t meta = highest_in(directory, "meta"), private = highest_in(directory, "private");
    uint32_t highest = meta > private ? meta : private;
    return highest <= newest ? 0
                             : error_describe(detail, TXTD_ECORRUPT,
                                              "backup directory %s: backup %" PRIu32
                                              " is damaged, or was not finished; to restore the "
                                              "newest whole one, say --number %" PRIu32,
                                              directory, highest, newest);
}

static int copy_files(const char *directory, uint32_t number, const char *to, struct backup_report *report,
                      struct error_detail *detail)
{
    struct backup_engine engine;
    char *error = NULL;
    rocksdb_env_t *env = rocksdb_create_default_env();
    int code = backup_engine_open(directory, env, &engine, detail);
    if (code == 0) {
        code = backup_engine_find(&engine, number, report, detail);
        code = code != 0 || number != 0 ? code : check_newest(directory, report->number, detail);
        uint32_t kept = report->kept;
        code = code != 0 ? code : backup_check(directory, report->number, NULL, report, detail);
        report->kept = kept;
        if (code == 0) {
            rocksdb_restore_options_t *options = rocksdb_restore_options_create();
            rocksdb_backup_engine_restore_db_from_backup(engine.engine, to, to, options, report->number, &error);
            rocksdb_restore_options_destroy(options);
            code = error == NULL ? 0 : backup_engine_fail(&engine, detail, error);
        }
        backup_engine_close(&engine);
    }
    rocksdb_env_destroy(env);
    return code;
}

static int count_delegate(void *context, unsigned part, const struct delegate_state *state)
{
    uint64_t *count = context;
    (void)part;
    (void)state;
    ++*count;
    return 0;
}

static int read_accounts(struct store *store, const char *directory, struct error_detail *detail)
{
    struct store_account *page = calloc(ACCOUNTS_PAGE, sizeof *page);
    struct delegate_id after;
    unsigned count = page == NULL ? 0 : ACCOUNTS_PAGE;
    int code = page == NULL ? TXTD_ENOMEM : 0;
    for (bool first = true; code == 0 && count == ACCOUNTS_PAGE; first = false) {
        code = store_read_accounts(store, first ? NULL : &after, ACCOUNTS_PAGE, page, &count);
        if (code == 0 && count > 0) {
            after = page[count - 1].username;
        }
    }
    free(page);
    return code == 0 ? 0
                     : error_describe(detail, code, "backup %s: an account in it cannot be read: %s", directory,
                                      txtd_error_text(code));
}

/* Opens what was made as a store, and reads all of it. */
static int prove(const char *directory, const struct store_options *options, struct backup_report *report,
                 struct error_detail *detail)
{
    struct store *store = NULL;
    int code = store_open(options, &store, detail);
    if (code == 0) {
        code = store_scan(store, 1, count_delegate, &report->delegates, detail);
        code = code != 0 ? code : read_accounts(store, directory, detail);
        store_close(store);
    }
    return code;
}

static int make_directory(const char *path, struct error_detail *detail)
{
    remove_directory(path); /* of a restore that was interrupted */
    return mkdir(path, 0700) == 0
               ? 0
               : error_describe(detail, TXTD_ESYS, "store directory %s: cannot be made: %s", path, strerror(errno));
}

static int move(const char *from, const char *to, struct error_detail *detail)
{
    if (rename(from, to) != 0) {
        return error_describe(detail, TXTD_ESYS, "store directory %s: cannot be put in place: %s", to, strerror(errno));
    }
    return store_directory_sync_parent(to) == 0
               ? 0
               : error_describe(detail, TXTD_ESYS, "store directory %s: its parent cannot be synced", to);
}

int backup_restore_discard(const char *directory, struct error_detail *detail)
{
    int lock_fd = -1;
    int code = store_directory_lock(directory, &lock_fd, detail);
    if (code == 0 || code == TXTD_ENOTFOUND) {
        remove_directory(directory);
        code = 0;
    }
    if (lock_fd >= 0) {
        (void)close(lock_fd);
    }
    return code;
}

int backup_restore(const char *directory, uint32_t number, const struct store_options *options,
                   struct backup_report *report, struct error_detail *detail)
{
    char path[4096];
    int lock_fd = -1;
    *report = (struct backup_report){0};
    if (snprintf(path, sizeof path, "%s" SUFFIX, options->directory) >= (int)sizeof path) {
        return error_describe(detail, TXTD_EINVAL, "store directory %s: its name is too long", options->directory);
    }
    if (access(options->directory, F_OK) == 0) {
        return error_describe(detail, TXTD_EEXISTS, "store directory %s: is there already", options->directory);
    }
    int code = backup_directory_claim(directory, false, &lock_fd, detail);
    if (code != 0) {
        return code;
    }
    struct store_options made = *options;
    made.directory = path;
    made.reserve = 0;
    code = make_directory(path, detail);
    if (code == 0) {
        code = copy_files(directory, number, path, report, detail);
        code = code != 0 ? code : database_files_check(path, false, detail);
        code = code != 0 ? code : store_directory_mark(path, detail);
        code = code != 0 ? code : prove(directory, &made, report, detail);
        code = code != 0 ? code : move(path, options->directory, detail);
        if (code != 0) {
            remove_directory(path);
        }
    }
    (void)close(lock_fd);
    return code;
}
