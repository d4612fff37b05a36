/* Backups against their checksums. RocksDB's own check through its C API looks at sizes only; so this reads the list that
 * every backup has (meta/NUMBER: lines "file crc32 checksum") and every file in it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backup.h"
#include "storage/crc32c.h"

#define CHUNK ((size_t)1 << 20)

struct check {
    const char *directory;
    const atomic_bool *stop;
    uint8_t *chunk;
    struct backup_report *report;
    struct error_detail *detail;
};

static int corrupt(const struct check *check, const char *file, const char *what)
{
    return error_describe(check->detail, TXTD_ECORRUPT, "backup %s/%s: %s; use another backup", check->directory, file,
                          what);
}

static int check_file(const struct check *check, const char *file, uint32_t wanted)
{
    char path[4096];
    uint32_t crc = 0;
    ssize_t got;
    int code = 0;
    if (snprintf(path, sizeof path, "%s/%s", check->directory, file) >= (int)sizeof path) {
        return corrupt(check, file, "its name is too long");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? corrupt(check, file, "is missing") : corrupt(check, file, strerror(errno));
    }
    while ((got = read(fd, check->chunk, CHUNK)) > 0) {
        crc = crc32c(crc, check->chunk, (size_t)got);
        check->report->octets += (uint64_t)got;
        if (backup_is_stopped(check->stop, check->detail)) {
            code = TXTD_ECLOSED;
            break;
        }
    }
    if (code == 0 && got < 0) {
        code = corrupt(check, file, strerror(errno));
    } else if (code == 0 && crc != wanted) {
        code = corrupt(check, file, "is damaged: it has not the checksum that it was written with");
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
    check->report->files++;
    return code;
}

/* The lines of the list: when, sequence number, how many files; then the files. */
static int check_list(const struct check *check, FILE *list, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    unsigned long listed = 0, number = 0;
    int code = 0;
    while (code == 0 && getline(&line, &room, list) > 0) {
        static const char word[] = " crc32 ";
        char *checksum = strstr(line, word), *end;
        number++;
        if (checksum == NULL) {
            listed = number == 1 ? 0 : strtoul(line, NULL, 10); /* the last of these lines is the count */
            check->report->made_at_s = number == 1 ? strtoll(line, NULL, 10) : check->report->made_at_s;
            continue;
        }
        *checksum = '\0';
        checksum += strlen(word);
        unsigned long wanted = strtoul(checksum, &end, 10);
        code = end == checksum || wanted > UINT32_MAX ? corrupt(check, name, "cannot be understood")
                                                      : check_file(check, line, (uint32_t)wanted);
    }
    free(line);
    if (code == 0 && (ferror(list) != 0 || listed == 0 || listed != check->report->files)) {
        code = corrupt(check, name, "does not name as many files as it should");
    }
    return code;
}

bool backup_is_stopped(const atomic_bool *stop, struct error_detail *detail)
{
    if (stop == NULL || !atomic_load_explicit(stop, memory_order_relaxed)) {
        return false;
    }
    (void)error_describe(detail, TXTD_ECLOSED, "txtd is stopping: the backup was not finished");
    return true;
}

int backup_check(const char *directory, uint32_t number, const atomic_bool *stop, struct backup_report *report,
                 struct error_detail *detail)
{
    struct check check = {
        .directory = directory, .stop = stop, .chunk = malloc(CHUNK), .report = report, .detail = detail};
    char path[4096], name[32];
    int code;
    *report = (struct backup_report){.number = number};
    (void)snprintf(name, sizeof name, "meta/%" PRIu32, number);
    if (check.chunk == NULL || snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        free(check.chunk);
        return error_describe(detail, TXTD_ENOMEM, "backup %s: cannot be checked", directory);
    }
    FILE *list = fopen(path, "re");
    if (list == NULL) {
        code = corrupt(&check, name, errno == ENOENT ? "is missing" : strerror(errno));
    } else {
        code = check_list(&check, list, name);
        (void)fclose(list);
    }
    free(check.chunk);
    return code;
}
