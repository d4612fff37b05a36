#include <sqlite3.h>

#include "control/txtctl/acmedns_source.h"

#define COLUMNS_MAX 4
#define BUSY_MS     5000 /* acme-dns may be writing */

typedef int (*add_fn)(struct acmedns_data *data, const struct acmedns_field fields[COLUMNS_MAX]);

static int add_setting(struct acmedns_data *data, const struct acmedns_field fields[COLUMNS_MAX])
{
    return acmedns_data_add_setting(data, fields[0], fields[1]);
}

static int add_record(struct acmedns_data *data, const struct acmedns_field fields[COLUMNS_MAX])
{
    return acmedns_data_add_record(data, fields[0], fields[1], fields[2], fields[3]);
}

static int add_txt(struct acmedns_data *data, const struct acmedns_field fields[COLUMNS_MAX])
{
    return acmedns_data_add_txt(data, fields[0], fields[1], fields[2]);
}

static int describe(sqlite3 *database, const char *path, struct error_detail *detail)
{
    int code = sqlite3_errcode(database) == SQLITE_CORRUPT ? TXTD_ECORRUPT : TXTD_EINVAL;
    return error_describe(detail, code, "%s: SQLite says: %s", path, sqlite3_errmsg(database));
}

/* Passwords are TEXT or BLOB, depending on acme-dns's driver: as octets they are the same. */
static int read_rows(sqlite3 *database, const char *path, const char *query, add_fn add, struct acmedns_data *data,
                     struct error_detail *detail)
{
    sqlite3_stmt *rows = NULL;
    int step = SQLITE_DONE, result = 0;
    if (sqlite3_prepare_v2(database, query, -1, &rows, NULL) != SQLITE_OK) {
        return describe(database, path, detail);
    }
    while (result == 0 && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        struct acmedns_field fields[COLUMNS_MAX] = {{NULL, 0}};
        for (int i = 0; i < sqlite3_column_count(rows); i++) {
            if (sqlite3_column_type(rows, i) == SQLITE_INTEGER) {
                (void)sqlite3_column_text(rows, i); /* as digits from here on */
            }
            fields[i].text = sqlite3_column_blob(rows, i);
            fields[i].len = (size_t)sqlite3_column_bytes(rows, i);
        }
        result = add(data, fields);
    }
    if (result != 0) {
        (void)error_describe(detail, result, "%s: %s", path, txtd_error_text(result));
    } else if (step != SQLITE_DONE) {
        result = describe(database, path, detail);
    }
    (void)sqlite3_finalize(rows);
    return result;
}

int acmedns_sqlite_read(const char *path, struct acmedns_data *data, struct error_detail *detail)
{
    static const struct {
        const char *query;
        add_fn add;
    } tables[] = {
        {"SELECT Name, Value FROM acmedns", add_setting},
        {"SELECT Username, Password, Subdomain, AllowFrom FROM records", add_record},
        {"SELECT Subdomain, Value, LastUpdate FROM txt WHERE Value <> '' ORDER BY rowid", add_txt},
    };
    sqlite3 *database = NULL;
    int result = 0;
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(database, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        result = database == NULL ? error_describe(detail, TXTD_ENOMEM, "%s: no memory", path)
                                  : describe(database, path, detail);
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && result == 0; i++) {
        result = read_rows(database, path, tables[i].query, tables[i].add, data, detail);
    }
    data->records_seen = data->records_seen || result == 0;
    (void)sqlite3_close(database);
    return result;
}
