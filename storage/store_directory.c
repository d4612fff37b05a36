#include "storage/store_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/record.h"

#define MARKER_NEW  STORE_MARKER ".new"
#define MARKER_TEXT "txtd store, layout "
#define MARKER_NOTE "being made\n" /* a second line: the store is not whole yet */

int store_directory_sync_parent(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    char *parent = len == 0 ? strdup(".") : strndup(path, len);
    int fd = parent == NULL ? -1 : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    int failed = fd < 0 || fsync(fd) != 0;
    if (fd >= 0) {
        close(fd);
    }
    return failed ? TXTD_ESYS : 0;
}

/* Opens the directory, made when it is missing. Returns its fd or a code. */
static int open_directory(const char *path, struct error_detail *detail)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (mkdir(path, 0700) != 0) {
            return error_describe(detail, TXTD_ESYS,
                                  "store directory %s: cannot be made: %s; make its parent, or choose another", path,
                                  strerror(errno));
        }
        if (store_directory_sync_parent(path) != 0) {
            return error_describe(detail, TXTD_ESYS, "store directory %s: its parent cannot be synced: %s", path,
                                  strerror(errno));
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0) {
        return error_describe(detail, TXTD_ESYS, "store directory %s: cannot be opened: %s", path, strerror(errno));
    }
    if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        int code =
            error_describe(detail, TXTD_ESYS, "store directory %s: not writable: %s; give it to the user txtd runs as",
                           path, strerror(errno));
        close(fd);
        return code;
    }
    return fd;
}

/* What a new file system or a start that was cut short leaves behind is nobody's data. */
static bool is_harmless(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0 ||
           strcmp(name, MARKER_NEW) == 0;
}

/* Refuses a directory without our mark in which there is anything else. */
static int check_empty(int directory_fd, const char *path, struct error_detail *detail)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return error_describe(detail, TXTD_ESYS, "store directory %s: cannot be read: %s", path, strerror(errno));
    }
    int code = 0;
    for (struct dirent *entry; code == 0 && (entry = readdir(entries)) != NULL;) {
        if (!is_harmless(entry->d_name)) {
            code = error_describe(detail, TXTD_EINVAL,
                                  "store directory %s: holds '%s' but no " STORE_MARKER
                                  " file, so it is not txtd's; name an empty directory",
                                  path, entry->d_name);
        }
    }
    closedir(entries);
    return code;
}

/* Writes the mark of a store that is not whole yet; the mark itself is whole or not there. */
static int write_marker(int directory_fd, const char *path, struct error_detail *detail)
{
    char text[64];
    int len = snprintf(text, sizeof(text), MARKER_TEXT "%d\n" MARKER_NOTE, RECORD_SCHEMA);
    int fd = openat(directory_fd, MARKER_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (written) {
        written = renameat(directory_fd, MARKER_NEW, directory_fd, STORE_MARKER) == 0 && fsync(directory_fd) == 0;
        error = errno;
    }
    return written ? 0
                   : error_describe(detail, TXTD_ESYS, "store directory %s: " STORE_MARKER " cannot be written: %s",
                                    path, strerror(error));
}

/* Reads the layout's number from the mark, and whether the store is not whole yet. Returns 0 or a code. */
static int check_marker(int marker_fd, const char *path, bool *is_new, struct error_detail *detail)
{
    char text[64];
    ssize_t len = pread(marker_fd, text, sizeof(text) - 1, 0);
    if (len < 0) {
        return error_describe(detail, TXTD_ESYS, "%s/" STORE_MARKER ": cannot be read: %s", path, strerror(errno));
    }
    text[len] = '\0';
    size_t prefix = strlen(MARKER_TEXT);
    char *end = NULL;
    long layout = strncmp(text, MARKER_TEXT, prefix) == 0 ? strtol(text + prefix, &end, 10) : 0;
    *is_new = layout >= 1 && strcmp(end, "\n" MARKER_NOTE) == 0;
    if (layout < 1 || end == text + prefix || (strcmp(end, "\n") != 0 && !*is_new)) {
        return error_describe(detail, TXTD_ECORRUPT,
                              "%s/" STORE_MARKER ": is damaged, it should say '" MARKER_TEXT
                              "%d'; restore it from a backup",
                              path, RECORD_SCHEMA);
    }
    if (layout > RECORD_SCHEMA) {
        return error_describe(
            detail, TXTD_EUNSUPPORTED,
            "store directory %s: has layout %ld, this txtd knows up to %d; start the newer txtd that wrote it", path,
            layout, RECORD_SCHEMA);
    }
    return 0;
}

static int lock_open_marker(int fd, const char *path, struct error_detail *detail)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0
               ? 0
               : error_describe(
                     detail, TXTD_EEXISTS,
                     "store directory %s: is in use by another process; stop that txtd, or choose another directory",
                     path);
}

/* Opens, locks and then reads the mark of a directory that has one: before, whoever has it may still change it. Returns its fd or a code; TXTD_ENOTFOUND without detail
 * when there is none. */
static int lock_marker(int directory_fd, const char *path, bool *is_new, struct error_detail *detail)
{
    int fd = openat(directory_fd, STORE_MARKER, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? TXTD_ENOTFOUND
                               : error_describe(detail, TXTD_ESYS, "%s/" STORE_MARKER ": cannot be opened: %s", path,
                                                strerror(errno));
    }
    int code = lock_open_marker(fd, path, detail);
    code = code != 0 ? code : check_marker(fd, path, is_new, detail);
    if (code != 0) {
        close(fd);
        return code;
    }
    return fd;
}

int store_directory_claim(const char *path, int *lock_fd, bool *is_new, struct error_detail *detail)
{
    int directory_fd = open_directory(path, detail);
    if (directory_fd < 0) {
        return directory_fd;
    }
    int fd = lock_marker(directory_fd, path, is_new, detail);
    if (fd == TXTD_ENOTFOUND) {
        int code = check_empty(directory_fd, path, detail);
        code = code != 0 ? code : write_marker(directory_fd, path, detail);
        fd = code != 0 ? code : lock_marker(directory_fd, path, is_new, detail);
    }
    close(directory_fd);
    if (fd < 0) {
        return fd;
    }
    *lock_fd = fd;
    return 0;
}

int store_directory_settle(const char *path, int lock_fd, struct error_detail *detail)
{
    char text[64];
    ssize_t len = pread(lock_fd, text, sizeof(text), 0);
    const char *end = len <= 0 ? NULL : memchr(text, '\n', (size_t)len);
    if (end == NULL || ftruncate(lock_fd, end + 1 - text) != 0 || fsync(lock_fd) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s/" STORE_MARKER ": cannot be written: %s", path, strerror(errno));
    }
    return 0;
}

int store_directory_lock(const char *path, int *lock_fd, struct error_detail *detail)
{
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) {
        return errno == ENOENT ? TXTD_ENOTFOUND
                               : error_describe(detail, TXTD_ESYS, "store directory %s: cannot be opened: %s", path,
                                                strerror(errno));
    }
    int code = 0;
    *lock_fd = openat(directory_fd, STORE_MARKER, O_RDONLY | O_CLOEXEC);
    if (*lock_fd < 0 && errno == ENOENT) {
        code = check_empty(directory_fd, path, detail);
        code = code != 0 ? code : TXTD_ENOTFOUND;
    } else if (*lock_fd < 0) {
        code = error_describe(detail, TXTD_ESYS, "%s/" STORE_MARKER ": cannot be opened: %s", path, strerror(errno));
    } else {
        code = lock_open_marker(*lock_fd, path, detail);
        if (code != 0) {
            close(*lock_fd);
        }
    }
    close(directory_fd);
    return code;
}

/* A mount point belongs to another file system than its parent, or is another mount of the same one. */
static bool is_mount_point(const char *place)
{
    struct statx status;
    return statx(AT_FDCWD, place, AT_SYMLINK_NOFOLLOW, 0, &status) == 0 &&
           (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int try_exchange(const char *place, struct error_detail *detail)
{
    char one[PATH_MAX], other[PATH_MAX];
    if (snprintf(one, sizeof one, "%s.trial-1", place) >= (int)sizeof one) {
        return error_describe(detail, TXTD_ESYS, "%s: is too long", place);
    }
    (void)snprintf(other, sizeof other, "%s.trial-2", place);
    bool can = (mkdir(one, 0700) == 0 || errno == EEXIST) && (mkdir(other, 0700) == 0 || errno == EEXIST) &&
               renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0;
    int error = errno;
    (void)rmdir(one);
    (void)rmdir(other);
    return can ? 0
               : error_describe(detail, TXTD_ESYS,
                                "%s: another directory cannot be put in its place: %s; make the store elsewhere "
                                "(--into), and name that as store.directory",
                                place, strerror(error));
}

int store_directory_can_exchange(const char *place, struct error_detail *detail)
{
    if (is_mount_point(place)) {
        return error_describe(
            detail, TXTD_ESYS,
            "%s: is a mount point, which nothing can be put in the place of; make the store elsewhere "
            "(--into) and move its files, or name a directory below it as store.directory",
            place);
    }
    return try_exchange(place, detail);
}

int store_directory_exchange(const char *made, const char *place, struct error_detail *detail)
{
    if (renameat2(AT_FDCWD, made, AT_FDCWD, place, RENAME_EXCHANGE) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be put in the place of %s: %s", made, place,
                              strerror(errno));
    }
    return store_directory_sync_parent(place) == 0
               ? 0
               : error_describe(detail, TXTD_ESYS, "%s: is in its place, but its parent cannot be synced: %s", place,
                                strerror(errno));
}

int store_directory_mark(const char *path, struct error_detail *detail)
{
    int directory_fd = open_directory(path, detail);
    if (directory_fd < 0) {
        return directory_fd;
    }
    int code = write_marker(directory_fd, path, detail);
    close(directory_fd);
    return code;
}

int store_directory_look(const char *path, struct error_detail *detail)
{
    bool is_new = false;
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = directory_fd < 0 ? -1 : openat(directory_fd, STORE_MARKER, O_RDONLY | O_CLOEXEC);
    int code = fd < 0 ? error_describe(detail, errno == ENOENT ? TXTD_ENOTFOUND : TXTD_ESYS,
                                       "store directory %s: no store can be read there: %s", path, strerror(errno))
                      : check_marker(fd, path, &is_new, detail);
    if (fd >= 0) {
        close(fd);
    }
    if (directory_fd >= 0) {
        close(directory_fd);
    }
    return code;
}
