/* The log's format (RocksDB's "Write Ahead Log File Format"): blocks of 32 KiB; in each, records of a header (masked CRC-32C
 * of type and payload, payload length, type: 4, 2 and 1 octets) and a payload, none across a block's end; what is less
 * than a header at the end of a block is filled with zeros. A commit is one FULL record, or FIRST, MIDDLE..., LAST. */
#include "storage/wal_tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/crc32c.h"

enum { BLOCK = 32768, HEADER = 7 };

enum record_type {
    TYPE_FULL = 1,
    TYPE_FIRST = 2,
    TYPE_MIDDLE = 3,
    TYPE_LAST = 4,
    TYPE_HIGHEST = 11, /* those above 4 are for features that the store does not use */
    TYPE_NONE = 256,   /* no whole record here */
};

/* A log, of which one block is in memory: no record crosses a block's end. */
struct wal {
    int fd;
    size_t len;
    size_t block_at; /* where the block in memory begins; SIZE_MAX: none is */
    int error;       /* errno of a read that failed: nothing that was found is to be believed; 0: none did */
    uint8_t block[BLOCK];
};

/* The checksum as the log has it: rotated and offset, so that a log of logs does not confuse. */
static uint32_t crc_masked(const uint8_t *octets, size_t len)
{
    uint32_t crc = crc32c(0, octets, len);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

/* Where the block ends that `at` is in, or the log before it. */
static size_t block_end(const struct wal *wal, size_t at)
{
    size_t end = at - at % BLOCK + BLOCK;
    return end < wal->len ? end : wal->len;
}

/* Reads the block that begins at `from`; a mapping would end the process at a sector that cannot be read. */
static void read_block(struct wal *wal, size_t from)
{
    size_t wanted = block_end(wal, from) - from;
    size_t got = 0;
    wal->block_at = SIZE_MAX;
    while (got < wanted) {
        ssize_t some = pread(wal->fd, wal->block + got, wanted - got, (off_t)(from + got));
        if (some < 0 && errno == EINTR) {
            continue;
        }
        if (some <= 0) {
            wal->error = some < 0 ? errno : EIO; /* it became shorter: somebody else is at it */
            return;
        }
        got += (size_t)some;
    }
    wal->block_at = from;
}

/* The octets from `at` up to the end of its block; NULL: they cannot be read. */
static const uint8_t *octets_at(struct wal *wal, size_t at)
{
    size_t from = at - at % BLOCK;
    if (wal->block_at != from && wal->error == 0) {
        read_block(wal, from);
    }
    return wal->error == 0 ? wal->block + at % BLOCK : NULL;
}

/* The type of the whole record at `at`, and where it ends; TYPE_NONE when there is none. */
static unsigned record_at(struct wal *wal, size_t at, size_t *end)
{
    size_t room = block_end(wal, at) - at;
    if (room < HEADER) {
        return TYPE_NONE;
    }
    const uint8_t *header = octets_at(wal, at);
    if (header == NULL) {
        return TYPE_NONE;
    }
    size_t payload = (size_t)(header[4] | header[5] << 8);
    unsigned type = header[6];
    if (type == 0 || type > TYPE_HIGHEST || payload > room - HEADER) {
        return TYPE_NONE;
    }
    uint32_t crc =
        (uint32_t)header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 24;
    if (crc_masked(header + 6, payload + 1) != crc) {
        return TYPE_NONE;
    }
    *end = at + HEADER + payload;
    return type;
}

/* Behind the filling at the end of a block, when `at` is in it. */
static size_t skip_filling(const struct wal *wal, size_t at)
{
    size_t left_in_block = BLOCK - at % BLOCK;
    return left_in_block < HEADER && at + left_in_block <= wal->len ? at + left_in_block : at;
}

static bool begins_commit(unsigned type)
{
    return type != TYPE_NONE && type != TYPE_MIDDLE && type != TYPE_LAST;
}

/* Where the last whole commit ends before the first damage. */
static size_t whole_until(struct wal *wal)
{
    size_t whole = 0;
    bool is_open = false; /* a FIRST was read, its LAST not yet */
    for (size_t at = 0, end = 0; at < wal->len; at = skip_filling(wal, end)) {
        unsigned type = record_at(wal, at, &end);
        bool continues = type == TYPE_MIDDLE || type == TYPE_LAST;
        if (type == TYPE_NONE || continues != is_open) {
            break;
        }
        is_open = type == TYPE_FIRST || type == TYPE_MIDDLE;
        if (!is_open) {
            whole = skip_filling(wal, end);
        }
    }
    return whole;
}

/* Whether a commit begins anywhere behind the one that begins at `torn`. Every block begins with a record; within a block,
 * once a record is not whole, the next one can be anywhere. */
static bool commit_behind(struct wal *wal, size_t torn)
{
    size_t end = 0;
    size_t at = record_at(wal, torn, &end) == TYPE_NONE ? torn + 1 : end;
    while (at < wal->len && wal->error == 0) {
        unsigned type = record_at(wal, at, &end);
        if (begins_commit(type)) {
            return true;
        }
        at = type == TYPE_NONE ? at + 1 : end;
    }
    return false;
}

/* Whether nothing but zeros follows. */
static bool zeros_from(struct wal *wal, size_t at)
{
    const uint8_t *octet;
    while (at < wal->len && (octet = octets_at(wal, at)) != NULL && *octet == 0) {
        at++;
    }
    return at == wal->len;
}

static int cut(int fd, size_t whole, const char *path, struct error_detail *detail)
{
    if (ftruncate(fd, (off_t)whole) != 0 || fsync(fd) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: its torn end cannot be cut off: %s", path, strerror(errno));
    }
    return 0;
}

static int damaged(const char *path, size_t at, const char *behind, struct error_detail *detail)
{
    return error_describe(
        detail, TXTD_ECORRUPT,
        "%s: is damaged at octet %zu, with commits behind it%s; check the disk, then restore the store "
        "from a backup",
        path, at, behind);
}

/* `cuts`: a torn end is cut off; else it is left as it is. */
static int mend_log(struct wal *wal, const char *path, bool cuts, bool is_newest, struct error_detail *detail)
{
    size_t whole = whole_until(wal);
    bool is_followed = whole < wal->len && is_newest && !zeros_from(wal, whole) && commit_behind(wal, whole);
    if (wal->error != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be read: %s; check the disk", path, strerror(wal->error));
    }
    if (whole == wal->len) {
        return 0;
    }
    if (!is_newest) {
        return damaged(path, whole, " in a newer log", detail);
    }
    if (is_followed) {
        return damaged(path, whole, "", detail);
    }
    return cuts ? cut(wal->fd, whole, path, detail) : 0;
}

static int mend_file(const char *path, bool cuts, bool is_newest, struct error_detail *detail)
{
    struct wal *wal = malloc(sizeof *wal);
    struct stat status;
    if (wal == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s: no memory to look at it", path);
    }
    wal->fd = open(path, (cuts ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    wal->block_at = SIZE_MAX;
    wal->error = 0;
    int code;
    if (wal->fd < 0 || fstat(wal->fd, &status) != 0) {
        code = error_describe(detail, TXTD_ESYS, "%s: cannot be opened: %s", path, strerror(errno));
    } else {
        wal->len = (size_t)status.st_size;
        code = mend_log(wal, path, cuts, is_newest, detail);
    }
    if (wal->fd >= 0) {
        close(wal->fd);
    }
    free(wal);
    return code;
}

/* The number of a log's name, `000123.log`; 0: it is no log. */
static uint64_t log_number(const char *name)
{
    char *end = NULL;
    uint64_t number = name[0] >= '0' && name[0] <= '9' ? strtoull(name, &end, 10) : 0;
    return end != NULL && strcmp(end, ".log") == 0 ? number : 0;
}

/* The number of the newest log with anything in it; 0: there is none. */
static uint64_t newest_log(DIR *entries)
{
    uint64_t newest = 0;
    struct stat status;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        uint64_t number = log_number(entry->d_name);
        if (number > newest && fstatat(dirfd(entries), entry->d_name, &status, 0) == 0 && status.st_size > 0) {
            newest = number;
        }
    }
    rewinddir(entries);
    return newest;
}

static int mend_logs(DIR *entries, const char *directory, bool cuts, struct error_detail *detail)
{
    uint64_t newest = newest_log(entries);
    struct stat status;
    int code = 0;
    for (struct dirent *entry; code == 0 && (entry = readdir(entries)) != NULL;) {
        uint64_t number = log_number(entry->d_name);
        char *path = NULL;
        if (number == 0 || number > newest || fstatat(dirfd(entries), entry->d_name, &status, 0) != 0) {
            continue;
        }
        if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0) {
            return error_describe(detail, TXTD_ENOMEM, "store directory %s: no memory", directory);
        }
        code = status.st_size > 0 ? mend_file(path, cuts, number == newest, detail) : 0;
        free(path);
    }
    return code;
}

static int look_at_logs(const char *directory, bool cuts, struct error_detail *detail)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return error_describe(detail, TXTD_ESYS, "store directory %s: cannot be read: %s", directory, strerror(errno));
    }
    int code = mend_logs(entries, directory, cuts, detail);
    closedir(entries);
    return code;
}

int wal_tail_mend(const char *directory, struct error_detail *detail)
{
    return look_at_logs(directory, true, detail);
}

int wal_tail_check(const char *directory, struct error_detail *detail)
{
    return look_at_logs(directory, false, detail);
}
