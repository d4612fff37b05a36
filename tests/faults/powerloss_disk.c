/* powerloss_disk.c: makes the disk as a power failure would have left it, from the journal of powerloss_shim.c.
 *
 *   powerloss_disk JOURNAL OUT                 strict: only what was synced is there
 *   powerloss_disk JOURNAL OUT SEED NAMES      torn: of what was written to a file since its last sync, the kernel had by chance
 *                                              written some pages back, in any order; for files whose name matches the
 *                                              pattern NAMES (fnmatch), strict for the others
 *
 * OUT must not exist. Exit status 0 when the disk was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/faults/powerloss.h"

enum { PAGE = 4096 };

struct journal {
    const uint8_t *octets;
    size_t len;
};

struct torn {
    bool is_on;
    unsigned seed;
    const char *names;
};

static void die(const char *what)
{
    fprintf(stderr, "powerloss_disk: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The record at *at, which is moved behind it; false at the end or where the last one is cut short. */
static bool next_record(const struct journal *journal, size_t *at, struct powerloss_record *record,
                        const uint8_t **payload)
{
    if (journal->len - *at < sizeof(*record)) {
        return false;
    }
    memcpy(record, journal->octets + *at, sizeof(*record));
    if (record->magic != POWERLOSS_MAGIC) {
        errno = EILSEQ;
        die("journal");
    }
    if (journal->len - *at - sizeof(*record) < record->len) {
        return false;
    }
    *payload = journal->octets + *at + sizeof(*record);
    *at += sizeof(*record) + record->len;
    return true;
}

static void write_all(int fd, const uint8_t *octets, size_t len, uint64_t offset)
{
    if (pwrite(fd, octets, len, (off_t)offset) != (ssize_t)len) {
        die("write");
    }
}

/* Applies some of the pages that one write touched. */
static void write_some(int fd, const uint8_t *octets, size_t len, uint64_t offset, unsigned *seed)
{
    while (len != 0) {
        size_t piece = PAGE - offset % PAGE < len ? PAGE - offset % PAGE : len;
        if (rand_r(seed) / 7 % 2 == 0) {
            write_all(fd, octets, piece, offset);
        }
        octets += piece;
        offset += piece;
        len -= piece;
    }
}

/* Where the last sync of a file stands in the journal; 0: it was never synced. */
static size_t last_sync(const struct journal *journal, uint32_t file)
{
    struct powerloss_record record;
    const uint8_t *payload = NULL;
    size_t sync = 0;
    for (size_t at = 0; next_record(journal, &at, &record, &payload);) {
        if (record.type == POWERLOSS_SYNC && record.file == file) {
            sync = at;
        }
    }
    return sync;
}

static void make_file(const struct journal *journal, uint32_t file, const char *path, const struct torn *torn)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        die(path);
    }
    const char *name = strrchr(path, '/') + 1;
    bool is_torn = torn->is_on && fnmatch(torn->names, name, 0) == 0;
    unsigned seed = torn->seed * 2654435761U + file;
    size_t sync = last_sync(journal, file);
    struct powerloss_record record;
    const uint8_t *payload = NULL;
    for (size_t at = 0; (at < sync || is_torn) && next_record(journal, &at, &record, &payload);) {
        bool is_durable = at <= sync;
        if (record.file != file) {
            continue;
        }
        if (record.type == POWERLOSS_TRUNCATE && (is_durable || rand_r(&seed) / 7 % 2 == 0)) {
            if (ftruncate(fd, (off_t)record.offset) != 0) {
                die(path);
            }
        } else if (record.type == POWERLOSS_WRITE && is_durable) {
            write_all(fd, payload, record.len, record.offset);
        } else if (record.type == POWERLOSS_WRITE) {
            write_some(fd, payload, record.len, record.offset, &seed);
        }
    }
    close(fd);
}

/* The last list of a directory that was synced, behind its first line; NULL: it never was. */
static char *last_list(const struct journal *journal, const char *directory)
{
    struct powerloss_record record;
    const uint8_t *payload = NULL;
    const uint8_t *found = NULL;
    size_t found_len = 0;
    size_t name_len = strlen(directory);
    for (size_t at = 0; next_record(journal, &at, &record, &payload);) {
        if (record.type == POWERLOSS_DIRECTORY && record.len > name_len && payload[name_len] == '\n' &&
            memcmp(payload, directory, name_len) == 0) {
            found = payload + name_len + 1;
            found_len = record.len - name_len - 1;
        }
    }
    return found == NULL ? NULL : strndup((const char *)found, found_len);
}

static void make_directory(const struct journal *journal, const char *directory, const char *out,
                           const struct torn *torn)
{
    if (mkdir(out, 0700) != 0) {
        die(out);
    }
    char *list = last_list(journal, directory);
    char *rest = list;
    for (char *line; rest != NULL && (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        char type = '\0';
        unsigned file = 0;
        int name_at = 0;
        if (sscanf(line, "%c %u %n", &type, &file, &name_at) != 2 || name_at == 0) {
            errno = EILSEQ;
            die(line);
        }
        char path[2048];
        char below[2048];
        snprintf(path, sizeof(path), "%s/%s", out, line + name_at);
        snprintf(below, sizeof(below), "%s%s%s", directory, *directory == '\0' ? "" : "/", line + name_at);
        if (type == 'd') {
            make_directory(journal, below, path, torn);
        } else {
            make_file(journal, file, path, torn);
        }
    }
    free(list);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: powerloss_disk JOURNAL OUT [SEED NAMES]\n");
        return 2;
    }
    struct torn torn = {.is_on = argc == 5};
    if (torn.is_on) {
        torn.seed = (unsigned)strtoul(argv[3], NULL, 10);
        torn.names = argv[4];
    }
    struct stat status;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0) {
        die(argv[1]);
    }
    void *octets = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (octets == MAP_FAILED) {
        die(argv[1]);
    }
    close(fd);
    struct journal journal = {.octets = octets, .len = (size_t)status.st_size};
    make_directory(&journal, "", argv[2], &torn);
    munmap(octets, journal.len);
    return 0;
}
