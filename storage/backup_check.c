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

#define CHUNK ((size_t)1 << 20)

/* CRC-32C (RFC 3720 appendix B.4), an octet at a time: the disk is slower. */
static uint32_t crc32c(uint32_t crc, const uint8_t *octets, size_t len, const uint32_t table[256])
{
    for (size_t i = 0; i < len; i++) {
        crc = table[(crc ^ octets[i]) & 0xff] ^ (crc >> 8);
    }
    return crc;
}

static void crc32c_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) {
            value = (value & 1) != 0 ? (value >> 1) ^ 0x82f63b78 : value >> 1;
        }
        table[i] = value;
    }
}

struct check {
    const char *directory;
    uint8_t *chunk;
    uint32_t table[256];
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
    uint32_t crc = UINT32_MAX;
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
        crc = crc32c(crc, check->chunk, (size_t)got, check->table);
        check->report->octets += (uint64_t)got;
    }
    if (got < 0) {
        code = corrupt(check, file, strerror(errno));
    } else if ((crc ^ UINT32_MAX) != wanted) {
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

int backup_check(const char *directory, uint32_t number, struct backup_report *report, struct error_detail *detail)
{
    struct check check = {.directory = directory, .chunk = malloc(CHUNK), .report = report, .detail = detail};
    char path[4096], name[32];
    int code;
    *report = (struct backup_report){.number = number};
    (void)snprintf(name, sizeof name, "meta/%" PRIu32, number);
    if (check.chunk == NULL || snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        free(check.chunk);
        return error_describe(detail, TXTD_ENOMEM, "backup %s: cannot be checked", directory);
    }
    crc32c_table(check.table);
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
