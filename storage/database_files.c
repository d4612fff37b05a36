#include "storage/database_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURRENT      "CURRENT"
#define RESTORE_IT   "nothing was touched; restore the store from a backup (txtctl restore)"
#define MANIFEST_MAX 64

static int corrupt(const char *directory, const char *file, const char *what, struct error_detail *detail)
{
    return error_describe(detail, TXTD_ECORRUPT, "%s/%s: %s; " RESTORE_IT, directory, file, what);
}

/* CURRENT holds the name of the manifest, the list of all tables, and a newline. */
static int check_current(int directory_fd, const char *directory, struct error_detail *detail)
{
    char text[MANIFEST_MAX] = "";
    static const char prefix[] = "MANIFEST-";
    int fd = openat(directory_fd, CURRENT, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? corrupt(directory, CURRENT,
                                         "is missing: what was in the store is not known (nothing, if this was its "
                                         "first start: then remove the directory)",
                                         detail)
                               : error_describe(detail, TXTD_ESYS, "%s/" CURRENT ": cannot be opened: %s", directory,
                                                strerror(errno));
    }
    ssize_t len = read(fd, text, sizeof(text) - 1);
    int error = errno;
    (void)close(fd);
    if (len < 0) {
        return error_describe(detail, TXTD_ESYS, "%s/" CURRENT ": cannot be read: %s", directory, strerror(error));
    }
    char *end = strchr(text, '\n');
    if (strncmp(text, prefix, strlen(prefix)) != 0 || end == NULL || end[1] != '\0' || strchr(text, '/') != NULL) {
        return corrupt(directory, CURRENT, "is damaged: it does not name a manifest", detail);
    }
    *end = '\0';
    if (faccessat(directory_fd, text, F_OK, 0) == 0) {
        return 0;
    }
    return errno == ENOENT
               ? error_describe(detail, TXTD_ECORRUPT, "%s/" CURRENT ": names %s, which is missing; " RESTORE_IT,
                                directory, text)
               : error_describe(detail, TXTD_ESYS, "%s/%s: cannot be looked at: %s", directory, text, strerror(errno));
}

static bool ends_in(const char *name, const char *ending)
{
    size_t len = strlen(name), ending_len = strlen(ending);
    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

/* Files that root made, say, in a store of another user's. */
static int check_access(int directory_fd, const char *directory, const char *name, struct error_detail *detail)
{
    struct stat status;
    int mode = R_OK | (ends_in(name, ".log") || strcmp(name, "LOCK") == 0 ? W_OK : 0);
    if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) ||
        faccessat(directory_fd, name, mode, AT_EACCESS) == 0) {
        return 0;
    }
    return error_describe(
        detail, TXTD_ESYS,
        "%s/%s: %s: it belongs to user %u (mode %04o), and this is user %u; give the whole store to the "
        "user txtd runs as (chown -R %u %s)",
        directory, name, strerror(errno), (unsigned)status.st_uid, (unsigned)status.st_mode & 07777,
        (unsigned)geteuid(), (unsigned)geteuid(), directory);
}

static int check_entries(DIR *entries, const char *directory, bool was_open, struct error_detail *detail)
{
    bool has_log = false;
    int code = 0;
    for (struct dirent *entry; code == 0 && (entry = readdir(entries)) != NULL;) {
        has_log = has_log || ends_in(entry->d_name, ".log");
        code = check_access(dirfd(entries), directory, entry->d_name, detail);
    }
    code = code != 0 ? code : check_current(dirfd(entries), directory, detail);
    if (code == 0 && was_open && !has_log) {
        code = corrupt(directory, "*.log", "no log is there: the newest changes are missing", detail);
    }
    return code;
}

int database_files_check(const char *directory, bool was_open, struct error_detail *detail)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return error_describe(detail, TXTD_ESYS, "store directory %s: cannot be read: %s", directory, strerror(errno));
    }
    int code = check_entries(entries, directory, was_open, detail);
    (void)closedir(entries);
    return code;
}
