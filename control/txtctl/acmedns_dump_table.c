/* Which of acme-dns's tables a statement of a dump is about, and which of its columns are looked at. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "control/txtctl/acmedns_dump.h"

/* The columns of acme-dns's tables that we look at, in the order of the data's functions; and all, as acme-dns makes them: the
 * order of INSERTs that do not name them. */
struct table {
    const char *name;
    const char *wanted[4];
    const char *made[4];
};

static const struct table tables[TABLES_COUNT] = {
    [TABLE_RECORDS] = {"records",
                       {"username", "password", "subdomain", "allowfrom"},
                       {"username", "password", "subdomain", "allowfrom"}},
    [TABLE_TXT] = {"txt", {"subdomain", "value", "lastupdate"}, {"rowid", "subdomain", "value", "lastupdate"}},
    [TABLE_ACMEDNS] = {"acmedns", {"name", "value"}, {"name", "value"}},
};

void dump_skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at)) {
        ++*at;
    }
}

/* Reads `name` or `"name"`, in lower case; *at moves behind it. Returns false when there is none. */
static bool read_name(const char **at, char name[64])
{
    size_t len = 0;
    dump_skip_blanks(at);
    bool quoted = **at == '"';
    *at += quoted;
    while (**at != '\0' && (quoted ? **at != '"' : isalnum((unsigned char)**at) || **at == '_')) {
        if (len < 63) {
            name[len++] = (char)tolower((unsigned char)**at);
        }
        ++*at;
    }
    name[len] = '\0';
    *at += quoted && **at == '"';
    return len > 0;
}

static void map_column(struct dump_target *target, const char *name)
{
    target->wanted[target->columns] = -1;
    for (int i = 0; i < 4 && tables[target->table].wanted[i] != NULL; i++) {
        if (strcmp(tables[target->table].wanted[i], name) == 0) {
            target->wanted[target->columns] = i;
        }
    }
    target->columns++;
}

/* Reads "schema.table (column, ...)"; the list may be missing. Returns false when it cannot be understood. */
bool dump_read_target(const char **at, struct dump_target *target)
{
    char name[64];
    *target = (struct dump_target){.known = false};
    do {
        if (!read_name(at, name)) {
            return false;
        }
    } while (**at == '.' && ++*at);
    for (int i = 0; i < TABLES_COUNT; i++) {
        if (strcmp(tables[i].name, name) == 0) {
            target->known = true;
            target->table = (enum dump_table)i;
        }
    }
    dump_skip_blanks(at);
    if (**at != '(' || !target->known) {
        return true;
    }
    do {
        ++*at;
        if (target->columns == COLUMNS_MAX || !read_name(at, name)) {
            return false;
        }
        map_column(target, name);
        dump_skip_blanks(at);
    } while (**at == ',');
    return *(*at)++ == ')';
}

/* The column that we need and the statement's list has not; NULL: it has all. Rows without allowfrom would be let in from everywhere. */
static const char *missing_column(const struct dump_target *target)
{
    for (int i = 0; target->known && target->columns > 0 && i < 4 && tables[target->table].wanted[i] != NULL; i++) {
        bool found = false;
        for (unsigned column = 0; column < target->columns; column++) {
            found = found || target->wanted[column] == i;
        }
        if (!found) {
            return tables[target->table].wanted[i];
        }
    }
    return NULL;
}

int dump_check_target(struct dump *dump, const struct dump_target *target)
{
    const char *missing = missing_column(target);
    char what[96];
    dump->data->records_seen = dump->data->records_seen || (target->known && target->table == TABLE_RECORDS);
    if (missing == NULL) {
        return 0;
    }
    (void)snprintf(what, sizeof what, "table %s without its column %s: dump the whole table",
                   tables[target->table].name, missing);
    return dump_wrong(dump, what);
}

/* Without a list: as acme-dns makes the table, or, of tables that were made without a rowid, what we look at. */
static void map_by_count(struct dump_target *target, unsigned count)
{
    const struct table *table = &tables[target->table];
    bool all = count == 4 && table->made[3] != NULL;
    for (int i = 0; i < 4; i++) {
        const char *name = all ? table->made[i] : table->wanted[i];
        if (name != NULL) {
            map_column(target, name);
        }
    }
}

int dump_add_row(struct dump *dump, struct dump_target *target, const struct acmedns_field fields[COLUMNS_MAX],
                 unsigned count)
{
    struct acmedns_field wanted[4] = {{NULL, 0}};
    int result;
    if (target->columns == 0) {
        map_by_count(target, count);
    }
    if (count != target->columns) {
        return dump_wrong(dump, "the row has not as many values as the table has columns");
    }
    for (unsigned i = 0; i < count; i++) {
        if (target->wanted[i] >= 0) {
            wanted[target->wanted[i]] = fields[i];
        }
    }
    switch (target->table) {
    case TABLE_RECORDS: result = acmedns_data_add_record(dump->data, wanted[0], wanted[1], wanted[2], wanted[3]); break;
    case TABLE_TXT: result = acmedns_data_add_txt(dump->data, wanted[0], wanted[1], wanted[2]); break;
    default: result = acmedns_data_add_setting(dump->data, wanted[0], wanted[1]); break;
    }
    return result == 0 ? 0 : dump_wrong(dump, txtd_error_text(result));
}
