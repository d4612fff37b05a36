/* powerloss_shim.c: an LD_PRELOAD library that notes what a process writes and what of that it makes durable.
 *
 * POWERLOSS_DIR is the directory that is watched, with everything below it; POWERLOSS_JOURNAL the file that gets the notes
 * (outside of it). Nothing changes for the process, but that syncing costs no time. Kill it at any moment with SIGKILL, and
 * let powerloss_disk make the disk as it would be after a power failure at that moment. README.md has the model.
 *
 * With POWERLOSS_LIE=1 syncs succeed and make nothing durable: a program that relies on them must be found out.
 * POWERLOSS_FAIL may name a file: while it exists, each sync of a watched file fails with EIO (and is not noted), as with a disk
 * that has gone bad.
 *
 * What the shim does not see is an error rather than an optimistic guess: a shared writable mapping of a watched file
 * ends the process.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/powerloss.h"

enum { FDS_MAX = 65536, FILES_MAX = 65536, DIRECTORY_MARK = 1 << 30 };

static struct {
    pthread_mutex_t lock;
    char root[PATH_MAX];
    size_t root_len; /* 0: watch nothing */
    const char *fail_trigger;
    bool lies;
    int journal;
    uint32_t files;            /* numbers given */
    ino_t inodes[FILES_MAX];   /* by number */
    uint32_t watched[FDS_MAX]; /* number + 1 of the file that a descriptor is open on; DIRECTORY_MARK; 0: not watched */
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER, .journal = -1};

static void die(const char *why)
{
    dprintf(STDERR_FILENO, "powerloss_shim: %s\n", why);
    abort();
}

/* The function that the process would have called. */
static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        die(name);
    }
    return function;
}

static void note(enum powerloss_type type, uint32_t file, uint64_t offset, const void *payload, size_t len)
{
    struct powerloss_record record = {
        .magic = POWERLOSS_MAGIC, .type = type, .file = file, .len = (uint32_t)len, .offset = offset};
    struct iovec parts[] = {{&record, sizeof(record)}, {(void *)(uintptr_t)payload, len}};
    /* Straight to the kernel: the wrappers below are not for the shim's own file. */
    if (syscall(SYS_writev, shim.journal, parts, 2) != (long)(sizeof(record) + len)) {
        die("the journal cannot be written");
    }
}

/* Whether the path of an open descriptor is the root or below it; that path, below the root, without a leading slash. */
static bool path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    char target[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    if (len < 0) {
        die("/proc is needed");
    }
    target[len] = '\0';
    if (strncmp(target, shim.root, shim.root_len) != 0) {
        return false;
    }
    const char *rest = target + shim.root_len;
    if (*rest != '\0' && *rest != '/') {
        return false;
    }
    strcpy(path, *rest == '/' ? rest + 1 : rest);
    return true;
}

/* Gives a file a number. */
static uint32_t add_file(ino_t inode, const char *path)
{
    if (shim.files == FILES_MAX) {
        die("too many files");
    }
    uint32_t file = shim.files++;
    shim.inodes[file] = inode;
    note(POWERLOSS_FILE, file, inode, path, strlen(path));
    return file;
}

/* The number of an inode's file: the newest, since numbers of inodes are used again. UINT32_MAX: none. */
static uint32_t find_file(ino_t inode)
{
    for (uint32_t i = shim.files; i > 0; i--) {
        if (shim.inodes[i - 1] == inode) {
            return i - 1;
        }
    }
    return UINT32_MAX;
}

/* A file that was there before the process began: all of it is on the disk. */
static uint32_t import_file(int directory_fd, const char *name, ino_t inode)
{
    int fd = (int)syscall(SYS_openat, directory_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        die("a file that was there cannot be read");
    }
    uint32_t file = add_file(inode, name);
    static char octets[1 << 20];
    uint64_t offset = 0;
    for (ssize_t len; (len = read(fd, octets, sizeof(octets))) > 0; offset += (uint64_t)len) {
        note(POWERLOSS_WRITE, file, offset, octets, (size_t)len);
    }
    note(POWERLOSS_SYNC, file, 0, NULL, 0);
    syscall(SYS_close, fd);
    return file;
}

/* Notes what a directory holds. `deep`, at the beginning: below it too, and with the octets of the files. */
static void note_directory(const char *path, bool deep)
{
    char full[2 * PATH_MAX];
    char *list = NULL;
    size_t len = 0;
    snprintf(full, sizeof(full), "%s/%s", shim.root, path);
    DIR *entries = opendir(full);
    FILE *out = open_memstream(&list, &len);
    if (entries == NULL || out == NULL) {
        die("a directory cannot be read");
    }
    fprintf(out, "%s\n", path);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            continue; /* gone again */
        }
        if (S_ISDIR(status.st_mode)) {
            fprintf(out, "d 0 %s\n", entry->d_name);
            if (deep) {
                char below[PATH_MAX];
                snprintf(below, sizeof(below), "%s%s%s", path, *path == '\0' ? "" : "/", entry->d_name);
                note_directory(below, true);
            }
        } else if (S_ISREG(status.st_mode)) {
            uint32_t file = find_file(status.st_ino);
            if (file == UINT32_MAX) { /* later on: made behind the shim's back, so nothing of it counts as durable */
                file = deep ? import_file(dirfd(entries), entry->d_name, status.st_ino)
                            : add_file(status.st_ino, entry->d_name);
            }
            fprintf(out, "f %u %s\n", file, entry->d_name);
        }
    }
    closedir(entries);
    fclose(out);
    note(POWERLOSS_DIRECTORY, 0, 0, list, len);
    free(list);
}

__attribute__((constructor)) static void begin(void)
{
    const char *root = getenv("POWERLOSS_DIR");
    const char *journal = getenv("POWERLOSS_JOURNAL");
    if (root == NULL && journal == NULL) {
        return;
    }
    if (root == NULL || journal == NULL || realpath(root, shim.root) == NULL) {
        die("POWERLOSS_DIR must name a directory, POWERLOSS_JOURNAL a file");
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, journal, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    shim.journal = fcntl(fd, F_DUPFD_CLOEXEC, 500); /* out of the way of programs that count theirs */
    if (shim.journal < 0) {
        die("the journal cannot be made");
    }
    syscall(SYS_close, fd);
    shim.fail_trigger = getenv("POWERLOSS_FAIL");
    shim.lies = getenv("POWERLOSS_LIE") != NULL;
    shim.root_len = strlen(shim.root);
    note_directory("", true);
}

/* Whether a descriptor is watched. */
static bool is_watched(int fd)
{
    return fd >= 0 && fd < FDS_MAX && shim.watched[fd] != 0;
}

static bool is_failing(void)
{
    return shim.fail_trigger != NULL && syscall(SYS_faccessat, AT_FDCWD, shim.fail_trigger, F_OK) == 0;
}

/* Takes note of a descriptor just opened. `is_new`: the file was not there before. */
static void watch(int fd, int flags, bool is_new)
{
    struct stat status;
    char path[PATH_MAX];
    if (fd >= FDS_MAX || fstat(fd, &status) != 0 || !path_of(fd, path)) {
        return;
    }
    if (S_ISDIR(status.st_mode)) {
        shim.watched[fd] = DIRECTORY_MARK;
        return;
    }
    uint32_t file = is_new ? UINT32_MAX : find_file(status.st_ino);
    if (file == UINT32_MAX) {
        file = add_file(status.st_ino, path);
    } else if ((flags & O_TRUNC) != 0) {
        note(POWERLOSS_TRUNCATE, file, 0, NULL, 0);
    }
    shim.watched[fd] = file + 1;
}

static int open_watched(int directory_fd, const char *path, int flags, mode_t mode)
{
    if (shim.root_len == 0) {
        return (int)syscall(SYS_openat, directory_fd, path, flags, mode);
    }
    pthread_mutex_lock(&shim.lock);
    bool is_new = syscall(SYS_faccessat, directory_fd, path, F_OK) != 0;
    int fd = (int)syscall(SYS_openat, directory_fd, path, flags, mode);
    int error = errno;
    if (fd >= 0) {
        watch(fd, flags, is_new);
    }
    pthread_mutex_unlock(&shim.lock);
    errno = error;
    return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
    bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return has_mode ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_watched(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int directory_fd, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_watched(directory_fd, path, flags, mode);
}

int openat64(int directory_fd, const char *path, int flags, ...) __attribute__((alias("openat")));

int creat(const char *path, mode_t mode)
{
    return open_watched(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* What fortified headers call when there is no mode; only they declare it. */
int __open_2(const char *path, int flags);
int __openat_2(int directory_fd, const char *path, int flags);

int __open_2(const char *path, int flags)
{
    return open_watched(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));

int __openat_2(int directory_fd, const char *path, int flags)
{
    return open_watched(directory_fd, path, flags, 0);
}

int __openat64_2(int directory_fd, const char *path, int flags) __attribute__((alias("__openat_2")));

static void forget(int fd)
{
    if (is_watched(fd)) {
        pthread_mutex_lock(&shim.lock);
        shim.watched[fd] = 0;
        pthread_mutex_unlock(&shim.lock);
    }
}

int close(int fd)
{
    forget(fd);
    return (int)syscall(SYS_close, fd);
}

/* These close a descriptor without calling close(). */
int fclose(FILE *stream)
{
    forget(fileno(stream));
    return ((int (*)(FILE *))real("fclose"))(stream);
}

int closedir(DIR *entries)
{
    forget(dirfd(entries));
    return ((int (*)(DIR *))real("closedir"))(entries);
}

/* Notes `written` octets that ended at `end`, or, when that is negative, where the descriptor now stands. */
static void note_written(int fd, const void *octets, ssize_t written, off_t end)
{
    if (written > 0) {
        off_t behind = end >= 0 ? end : lseek(fd, 0, SEEK_CUR);
        note(POWERLOSS_WRITE, shim.watched[fd] - 1, (uint64_t)(behind - written), octets, (size_t)written);
    }
}

ssize_t write(int fd, const void *octets, size_t len)
{
    if (!is_watched(fd)) {
        return syscall(SYS_write, fd, octets, len);
    }
    pthread_mutex_lock(&shim.lock);
    ssize_t written = syscall(SYS_write, fd, octets, len);
    note_written(fd, octets, written, -1);
    pthread_mutex_unlock(&shim.lock);
    return written;
}

ssize_t pwrite(int fd, const void *octets, size_t len, off_t offset)
{
    if (!is_watched(fd)) {
        return syscall(SYS_pwrite64, fd, octets, len, offset);
    }
    pthread_mutex_lock(&shim.lock);
    ssize_t written = syscall(SYS_pwrite64, fd, octets, len, offset);
    note_written(fd, octets, written, offset + written);
    pthread_mutex_unlock(&shim.lock);
    return written;
}

ssize_t pwrite64(int fd, const void *octets, size_t len, off_t offset) __attribute__((alias("pwrite")));

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (is_watched(fd)) {
        die("writev is not modelled");
    }
    return syscall(SYS_writev, fd, parts, count);
}

int ftruncate(int fd, off_t size)
{
    if (!is_watched(fd)) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    pthread_mutex_lock(&shim.lock);
    int result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0) {
        note(POWERLOSS_TRUNCATE, shim.watched[fd] - 1, (uint64_t)size, NULL, 0);
    }
    pthread_mutex_unlock(&shim.lock);
    return result;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (is_watched(fd) && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
        die("fallocate that changes the size is not modelled");
    }
    if (is_watched(fd) && (mode & ~FALLOC_FL_KEEP_SIZE) != 0 && (mode & FALLOC_FL_PUNCH_HOLE) == 0) {
        die("fallocate that moves octets is not modelled");
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, len); /* a hole is punched behind the end only */
}

int fallocate64(int fd, int mode, off_t offset, off_t len) __attribute__((alias("fallocate")));

static int sync_watched(int fd)
{
    if (is_failing()) {
        errno = EIO;
        return -1;
    }
    if (shim.lies) {
        return 0;
    }
    char path[PATH_MAX];
    pthread_mutex_lock(&shim.lock);
    if (shim.watched[fd] != DIRECTORY_MARK) {
        note(POWERLOSS_SYNC, shim.watched[fd] - 1, 0, NULL, 0);
    } else if (path_of(fd, path)) {
        note_directory(path, false);
    }
    pthread_mutex_unlock(&shim.lock);
    return 0;
}

int fsync(int fd)
{
    return is_watched(fd) ? sync_watched(fd) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return is_watched(fd) ? sync_watched(fd) : (int)syscall(SYS_fdatasync, fd);
}

/* sync_file_range makes nothing durable (its manual says why), so it needs no wrapper. */

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (is_watched(fd) && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) {
        die("writing through a mapping is not modelled");
    }
    return (void *)syscall(SYS_mmap, address, len, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t len, int protection, int flags, int fd, off_t offset) __attribute__((alias("mmap")));
