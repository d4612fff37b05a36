#include "control/txtctl/acmedns_source.h"

#include <errno.h>
#include <string.h>

#define MAGIC_LEN 16

static const struct {
    const char *octets, *advice;
    size_t len;
} foreign[] = {
    {"PGDMP", "a dump in pg_dump's custom format; make a plain one (pg_dump --format=plain)", 5},
    {"\x1f\x8b", "compressed; unpack it, or pipe it in: zcat FILE | txtctl import acme-dns -", 2},
    {"\x28\xb5\x2f\xfd", "compressed; unpack it, or pipe it in: zstdcat FILE | txtctl import acme-dns -", 4},
};

int acmedns_source_read(const char *path, struct acmedns_data *data, struct error_detail *detail)
{
    static const char sqlite_magic[MAGIC_LEN] = "SQLite format 3"; /* with its NUL: sqlite.org/fileformat2.html 1.3 */
    char magic[MAGIC_LEN] = "";
    if (strcmp(path, "-") == 0) {
        return acmedns_dump_read(stdin, "standard input", data, detail);
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_describe(detail, TXTD_ESYS, "%s: %s", path, strerror(errno));
    }
    size_t len = fread(magic, 1, sizeof magic, file);
    int result = 0;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0] && result == 0; i++) {
        if (len >= foreign[i].len && memcmp(magic, foreign[i].octets, foreign[i].len) == 0) {
            result = error_describe(detail, TXTD_EUNSUPPORTED, "%s: is %s", path, foreign[i].advice);
        }
    }
    if (result == 0 && len == sizeof magic && memcmp(magic, sqlite_magic, sizeof magic) == 0) {
        result = acmedns_sqlite_read(path, data, detail);
    } else if (result == 0) {
        rewind(file);
        result = ferror(file) != 0 ? error_describe(detail, TXTD_ESYS, "%s: cannot be read", path)
                                   : acmedns_dump_read(file, path, data, detail);
    }
    (void)fclose(file);
    return result;
}
