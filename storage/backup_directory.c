/* The directory of backups: is it ours, does nobody else write to it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backup.h"
#include "storage/record.h"

#define MARKER_TEXT     "txtd backup, layout "
#define MARKER_TEXT_MAX 64

static int fail(struct error_detail *detail, const char *path, const char *what)
{
    int code = errno == ENOSPC ? TXTD_ENOSPC : TXTD_ESYS;
    return error_describe(detail, code, "backup directory %s: %s: %s", path, what, strerror(errno));
}

/* The directories that RocksDB makes in a backup directory. */
static bool is_rocksdbs(const char *name)
{
    static const char *const names[] = {"meta", "private", "shared", "shared_checksum"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Another backup directory in this one is in nobody's way, unless it has the name of a directory of RocksDB's. */
static bool is_backup_beside(int directory_fd, const char *name)
{
    int fd = is_rocksdbs(name) ? -1 : openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_backup = fd >= 0 && faccessat(fd, BACKUP_MARKER, F_OK, 0) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_backup;
}

/* The whole path without links; of one that does not exist yet, as it will be. */
static bool resolve(const char *path, char real[PATH_MAX])
{
    char parent[PATH_MAX];
    if (realpath(path, real) != NULL) {
        return true;
    }
    if (errno != ENOENT || snprintf(parent, sizeof parent, "./%s", path) >= (int)sizeof parent) {
        return false;
    }
    char *begin = path[0] == '/' ? parent + 2 : parent;
    size_t len = strlen(begin);
    while (len > 1 && begin[len - 1] == '/') {
        begin[--len] = '\0';
    }
    char *name = strrchr(begin, '/');
    *name++ = '\0';
    if (realpath(begin[0] == '\0' ? "/" : begin, real) == NULL) {
        return false;
    }
    size_t used = strlen(real);
    return snprintf(real + used, PATH_MAX - used, "/%s", name) < (int)(PATH_MAX - used);
}

/* Whether it is among RocksDB's own files in another backup directory, which then could not be read any more. */
static bool is_in_backup(const char *path)
{
    char real[PATH_MAX], marker[PATH_MAX + sizeof BACKUP_MARKER];
    if (!resolve(path, real)) {
        return false;
    }
    for (char *name; (name = strrchr(real, '/')) != NULL;) {
        *name++ = '\0';
        (void)snprintf(marker, sizeof marker, "%s/" BACKUP_MARKER, real);
        if (is_rocksdbs(name) && access(marker, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether nothing is in it but what every directory has, and other backup directories. */
static bool is_empty(int directory_fd)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    bool empty = entries != NULL;
    for (struct dirent *entry; empty && (entry = readdir(entries)) != NULL;) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, "lost+found") == 0 || is_backup_beside(directory_fd, entry->d_name);
    }
    if (entries != NULL) {
        (void)closedir(entries);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return empty;
}

static int make_marker(int directory_fd, const char *path, int *fd, struct error_detail *detail)
{
    char text[MARKER_TEXT_MAX];
    int len = snprintf(text, sizeof text, MARKER_TEXT "%d\n", RECORD_SCHEMA);
    if (!is_empty(directory_fd)) {
        return error_describe(detail, TXTD_EINVAL,
                              "backup directory %s: holds something, but no " BACKUP_MARKER
                              " file, so it is none of txtd's; name an empty directory",
                              path);
    }
    *fd = openat(directory_fd, BACKUP_MARKER, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0 || write(*fd, text, (size_t)len) != len || fsync(*fd) != 0 || fsync(directory_fd) != 0) {
        return fail(detail, path, "its mark cannot be written");
    }
    return 0;
}

static int check_marker(int fd, const char *path, struct error_detail *detail)
{
    char text[MARKER_TEXT_MAX] = "";
    int layout = 0;
    if (pread(fd, text, sizeof text - 1, 0) < 0 || sscanf(text, MARKER_TEXT "%d", &layout) != 1) {
        return error_describe(detail, TXTD_ECORRUPT, "backup directory %s: its " BACKUP_MARKER " file is damaged",
                              path);
    }
    return layout <= RECORD_SCHEMA ? 0
                                   : error_describe(detail, TXTD_EUNSUPPORTED,
                                                    "backup directory %s: has layout %d, this txtd knows up to %d",
                                                    path, layout, RECORD_SCHEMA);
}

static int claim(int directory_fd, const char *path, bool make, int *lock_fd, struct error_detail *detail)
{
    int code = 0;
    *lock_fd = openat(directory_fd, BACKUP_MARKER, O_RDWR | O_CLOEXEC);
    if (*lock_fd < 0 && errno == ENOENT) {
        code = make ? make_marker(directory_fd, path, lock_fd, detail)
                    : error_describe(detail, TXTD_EINVAL,
                                     "backup directory %s: has no " BACKUP_MARKER " file: it holds no backup of txtd's",
                                     path);
    } else if (*lock_fd < 0) {
        code = fail(detail, path, "its mark cannot be opened");
    } else {
        code = check_marker(*lock_fd, path, detail);
    }
    if (code == 0 && flock(*lock_fd, LOCK_EX | LOCK_NB) != 0) {
        code = error_describe(detail, TXTD_EEXISTS, "backup directory %s: another backup or restore uses it now", path);
    }
    if (code != 0 && *lock_fd >= 0) {
        (void)close(*lock_fd);
    }
    return code;
}

int backup_directory_claim(const char *path, bool make, int *lock_fd, struct error_detail *detail)
{
    struct stat status;
    if (make && is_in_backup(path)) {
        return error_describe(detail, TXTD_EINVAL,
                              "backup directory %s: is inside of another backup; name a directory beside that", path);
    }
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
        return fail(detail, path, "cannot be made");
    }
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) {
        return errno == ENOENT && lstat(path, &status) == 0
                   ? error_describe(detail, TXTD_EINVAL, "backup directory %s: is a link to what does not exist", path)
                   : fail(detail, path, "cannot be opened");
    }
    int code = claim(directory_fd, path, make, lock_fd, detail);
    (void)close(directory_fd);
    return code;
}
