/* Dumps of pg_dump in plain text: COPY with its rows as lines, or INSERT; and of sqlite3 (.dump), INSERT. Everything else is passed
 * over. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/txtctl/acmedns_source.h"

#define COLUMNS_MAX 16
#define ROW_MAX     (1u << 20) /* octets of a line, or of an INSERT's row */

/* The columns of acme-dns's tables that we look at, in the order of the data's functions; and all, as acme-dns makes them: the
 * order of INSERTs that do not name them. */
struct table {
    const char *name;
    const char *wanted[4];
    const char *made[4];
};

enum table_id { TABLE_RECORDS, TABLE_TXT, TABLE_ACMEDNS, TABLES_COUNT };

static const struct table tables[TABLES_COUNT] = {
    [TABLE_RECORDS] = {"records",
                       {"username", "password", "subdomain", "allowfrom"},
                       {"username", "password", "subdomain", "allowfrom"}},
    [TABLE_TXT] = {"txt", {"subdomain", "value", "lastupdate"}, {"rowid", "subdomain", "value", "lastupdate"}},
    [TABLE_ACMEDNS] = {"acmedns", {"name", "value"}, {"name", "value"}},
};

struct dump {
    FILE *file;
    const char *name;
    struct acmedns_data *data;
    struct error_detail *detail;
    char *line; /* getline's */
    size_t line_room, line_len, at;
    unsigned long line_number;
    bool begun, ended; /* the first and last words of pg_dump, or sqlite3, were seen */
};

/* Where the rows of a statement go. */
struct target {
    bool known; /* one of acme-dns's tables */
    enum table_id table;
    int wanted[COLUMNS_MAX]; /* the place in table.wanted of each column; -1: not looked at */
    unsigned columns;
};

static int wrong(const struct dump *dump, const char *what)
{
    return error_describe(dump->detail, TXTD_EINVAL, "%s:%lu: %s", dump->name, dump->line_number, what);
}

/* The next line without its newline. Returns 1, 0 at the end, or a code. */
static int next_line(struct dump *dump)
{
    ssize_t len = getline(&dump->line, &dump->line_room, dump->file);
    if (len < 0) {
        return ferror(dump->file) != 0
                   ? error_describe(dump->detail, TXTD_ESYS, "%s: cannot be read to its end", dump->name)
                   : 0;
    }
    dump->line_number++;
    if (len > 0 && dump->line[len - 1] == '\n') {
        dump->line[--len] = '\0';
    }
    if (len > 0 && dump->line[len - 1] == '\r') {
        dump->line[--len] = '\0';
    }
    dump->line_len = (size_t)len;
    dump->at = 0;
    return len > (ssize_t)ROW_MAX ? wrong(dump, "a line of more than 1 MiB") : 1;
}

/* --- Names --- */

static void skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at)) {
        ++*at;
    }
}

/* Reads `name` or `"name"`, in lower case; *at moves behind it. Returns false when there is none. */
static bool read_name(const char **at, char name[64])
{
    size_t len = 0;
    skip_blanks(at);
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

static void map_column(struct target *target, const char *name)
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
static bool read_target(const char **at, struct target *target)
{
    char name[64];
    *target = (struct target){.known = false};
    do {
        if (!read_name(at, name)) {
            return false;
        }
    } while (**at == '.' && ++*at);
    for (int i = 0; i < TABLES_COUNT; i++) {
        if (strcmp(tables[i].name, name) == 0) {
            target->known = true;
            target->table = (enum table_id)i;
        }
    }
    skip_blanks(at);
    if (**at != '(' || !target->known) {
        return true;
    }
    do {
        ++*at;
        if (target->columns == COLUMNS_MAX || !read_name(at, name)) {
            return false;
        }
        map_column(target, name);
        skip_blanks(at);
    } while (**at == ',');
    return *(*at)++ == ')';
}

/* The column that we need and the statement's list has not; NULL: it has all. Rows without allowfrom would be let in from everywhere. */
static const char *missing_column(const struct target *target)
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

/* Looks at the columns before any row. */
static int check_target(struct dump *dump, const struct target *target)
{
    const char *missing = missing_column(target);
    char what[96];
    dump->data->records_seen = dump->data->records_seen || (target->known && target->table == TABLE_RECORDS);
    if (missing == NULL) {
        return 0;
    }
    (void)snprintf(what, sizeof what, "table %s without its column %s: dump the whole table",
                   tables[target->table].name, missing);
    return wrong(dump, what);
}

/* Without a list: as acme-dns makes the table, or, of tables that were made without a rowid, what we look at. */
static void map_by_count(struct target *target, unsigned count)
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

/* --- Rows --- */

static int add_row(struct dump *dump, struct target *target, const struct acmedns_field fields[COLUMNS_MAX],
                   unsigned count)
{
    struct acmedns_field wanted[4] = {{NULL, 0}};
    int result;
    if (target->columns == 0) {
        map_by_count(target, count);
    }
    if (count != target->columns) {
        return wrong(dump, "the row has not as many values as the table has columns");
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
    return result == 0 ? 0 : wrong(dump, txtd_error_text(result));
}

static unsigned digits_of(const char *at, unsigned base, unsigned max, unsigned *used)
{
    unsigned value = 0;
    char *end, digits[4] = "";
    strncpy(digits, at, max);
    value = (unsigned)strtoul(digits, &end, (int)base);
    *used = (unsigned)(end - digits);
    return value;
}

/* PostgreSQL's documentation, COPY, "Text Format": what a backslash means. In place; returns the length. */
static size_t unescape(char *text, size_t len)
{
    static const char letters[] = "bfnrtv", meanings[] = "\b\f\n\r\t\v";
    char *to = text;
    for (const char *at = text, *end = text + len; at < end; at++) {
        unsigned used = 0, code = 0;
        if (*at != '\\' || at + 1 == end) {
            *to++ = *at;
            continue;
        }
        at++;
        const char *letter = strchr(letters, *at);
        if (*at >= '0' && *at <= '7') {
            code = digits_of(at, 8, 3, &used);
            at += used - 1;
            *to++ = (char)code;
        } else if (*at == 'x' && isxdigit((unsigned char)at[1])) {
            code = digits_of(at + 1, 16, 2, &used);
            at += used;
            *to++ = (char)code;
        } else {
            *to++ = letter == NULL || *at == '\0' ? *at : meanings[letter - letters];
        }
    }
    return (size_t)(to - text);
}

/* One line of COPY's rows. */
static int read_copied(struct dump *dump, struct target *target)
{
    struct acmedns_field fields[COLUMNS_MAX];
    unsigned count = 0;
    char *at = dump->line, *end = dump->line + dump->line_len;
    for (;;) {
        char *tab = memchr(at, '\t', (size_t)(end - at));
        char *stop = tab == NULL ? end : tab;
        if (count == COLUMNS_MAX) {
            return wrong(dump, "the row has too many values");
        }
        *stop = '\0';
        bool is_null = stop - at == 2 && memcmp(at, "\\N", 2) == 0;
        fields[count++] =
            is_null ? (struct acmedns_field){NULL, 0} : (struct acmedns_field){at, unescape(at, (size_t)(stop - at))};
        if (tab == NULL) {
            return add_row(dump, target, fields, count);
        }
        at = tab + 1;
    }
}

static int read_copy(struct dump *dump)
{
    struct target target;
    const char *at = dump->line + strlen("COPY ");
    static const char from[] = "FROM stdin;";
    if (!read_target(&at, &target)) {
        return wrong(dump, "this COPY cannot be understood");
    }
    if (check_target(dump, &target) != 0) {
        return TXTD_EINVAL;
    }
    skip_blanks(&at);
    bool plain = strcasecmp(at, from) == 0;
    size_t from_len = strlen(from);
    if (target.known && !plain) {
        return wrong(dump, "a COPY that is not FROM stdin with defaults");
    }
    /* Of another table: its rows have to be passed over, for they may look like anything. */
    if (!plain && (dump->line_len < from_len || strcasecmp(dump->line + dump->line_len - from_len, from) != 0)) {
        return 0;
    }
    for (;;) {
        int result = next_line(dump);
        if (result <= 0) {
            return result < 0 ? result : wrong(dump, "the dump ends within the rows of a table: it was cut off");
        }
        if (strcmp(dump->line, "\\.") == 0) {
            return 0;
        }
        result = target.known ? read_copied(dump, &target) : 0;
        if (result != 0) {
            return result;
        }
    }
}

/* --- INSERT --- */

/* The next character of a statement that may go over several lines; '\0' at the end of the file, or after an error. */
static char next_char(struct dump *dump)
{
    if (dump->at < dump->line_len) {
        return dump->line[dump->at++];
    }
    if (dump->at == dump->line_len) {
        dump->at++;
        return '\n';
    }
    return next_line(dump) == 1 ? next_char(dump) : '\0';
}

static char next_word_char(struct dump *dump)
{
    char c;
    do {
        c = next_char(dump);
    } while (c != '\0' && isspace((unsigned char)c));
    return c;
}

/* A row's octets, one value after the other. */
struct row {
    char *text;
    size_t len;
    struct acmedns_field fields[COLUMNS_MAX];
    unsigned count;
};

static bool row_add(struct row *row, char c)
{
    if (row->len == ROW_MAX) {
        return false;
    }
    row->text[row->len++] = c;
    return true;
}

/* What stands between quotes, the first being read. With `escapes` it is an E'' string. */
static bool read_string(struct dump *dump, struct row *row, bool escapes)
{
    size_t begin = row->len;
    for (;;) {
        char c = next_char(dump);
        if (c == '\'') {
            c = next_char(dump);
            if (c != '\'') {
                dump->at--; /* it belongs to what follows */
                break;
            }
        } else if (c == '\\' && escapes) {
            if (!row_add(row, c)) {
                return false;
            }
            c = next_char(dump);
        }
        if (c == '\0' || !row_add(row, c)) {
            return false;
        }
    }
    if (escapes && row_add(row, '\0')) {
        row->len = begin + unescape(row->text + begin, row->len - 1 - begin);
    }
    return true;
}

/* What was read from `begin` on are hexadecimal digits: SQLite's way to write octets. */
static bool unhex(struct row *row, size_t begin)
{
    size_t digits = row->len - begin;
    for (size_t i = 0; i < digits / 2; i++) {
        const char pair[3] = {row->text[begin + 2 * i], row->text[begin + 2 * i + 1], '\0'};
        char *end;
        row->text[begin + i] = (char)strtoul(pair, &end, 16);
        if (!isxdigit((unsigned char)pair[0]) || end != pair + 2) {
            return false;
        }
    }
    row->len = begin + digits / 2;
    return digits % 2 == 0;
}

/* Whether the letter that was just read begins a string: E'...', X'...'. */
static bool begins_string(const struct dump *dump, char c, char letter)
{
    return tolower((unsigned char)c) == letter && dump->at < dump->line_len && dump->line[dump->at] == '\'';
}

/* One value; *behind is what ends it: ',' or ')'. */
static bool read_value(struct dump *dump, struct row *row, char *behind)
{
    size_t begin = row->len;
    char c = next_word_char(dump);
    bool quoted = c == '\'', is_null = false;
    if (begins_string(dump, c, 'e') || begins_string(dump, c, 'x')) {
        bool is_hex = !begins_string(dump, c, 'e');
        dump->at++;
        if (!read_string(dump, row, !is_hex) || (is_hex && !unhex(row, begin))) {
            return false;
        }
        c = next_word_char(dump);
    } else if (quoted) {
        if (!read_string(dump, row, false)) {
            return false;
        }
        c = next_word_char(dump);
    } else {
        while (c != ',' && c != ')' && c != '\0') {
            if (!row_add(row, c)) {
                return false;
            }
            c = next_word_char(dump);
        }
        is_null = row->len - begin == 4 && strncasecmp(row->text + begin, "null", 4) == 0;
    }
    if (row->count == COLUMNS_MAX) {
        return false;
    }
    row->fields[row->count++] =
        is_null ? (struct acmedns_field){NULL, 0} : (struct acmedns_field){row->text + begin, row->len - begin};
    *behind = c;
    return c == ',' || c == ')';
}

/* Rows in parentheses, up to the semicolon. */
static int read_inserted(struct dump *dump, struct target *target, struct row *row)
{
    char behind = '\0';
    do {
        row->len = 0;
        row->count = 0;
        if (next_word_char(dump) != '(') {
            return wrong(dump, "this INSERT cannot be understood: no row in parentheses");
        }
        do {
            if (!read_value(dump, row, &behind)) {
                return wrong(dump, "this INSERT cannot be understood, or the dump was cut off");
            }
        } while (behind == ',');
        int result = add_row(dump, target, row->fields, row->count);
        if (result != 0) {
            return result;
        }
        behind = next_word_char(dump);
    } while (behind == ',');
    return behind == ';' || strncasecmp(dump->line + dump->at - 1, "ON CONFLICT", 11) == 0
               ? 0
               : wrong(dump, "an INSERT without an end: the dump was cut off");
}

static int read_insert(struct dump *dump)
{
    struct target target;
    const char *at = dump->line + strlen("INSERT INTO ");
    if (!read_target(&at, &target)) {
        return wrong(dump, "this INSERT cannot be understood");
    }
    if (!target.known) {
        return 0; /* should it have more lines, none of them begins as one of ours does */
    }
    if (check_target(dump, &target) != 0) {
        return TXTD_EINVAL;
    }
    const char *values = strcasestr(at, "VALUES");
    if (values == NULL) {
        return wrong(dump, "an INSERT without VALUES");
    }
    dump->at = (size_t)(values - dump->line) + strlen("VALUES");
    struct row row = {.text = malloc(ROW_MAX)};
    int result = row.text == NULL ? wrong(dump, "no memory") : read_inserted(dump, &target, &row);
    free(row.text);
    return result;
}

/* --- Together --- */

static int read_statement(struct dump *dump)
{
    static const char first[] = "-- PostgreSQL database dump", last[] = "-- PostgreSQL database dump complete";
    if (strcmp(dump->line, first) == 0 || strcmp(dump->line, "BEGIN TRANSACTION;") == 0) {
        dump->begun = true;
    } else if (strcmp(dump->line, last) == 0 || strcmp(dump->line, "COMMIT;") == 0) {
        dump->ended = true;
    } else if (strncasecmp(dump->line, "COPY ", 5) == 0) {
        return read_copy(dump);
    } else if (strncasecmp(dump->line, "INSERT INTO ", 12) == 0) {
        return read_insert(dump);
    }
    return 0;
}

int acmedns_dump_read(FILE *file, const char *name, struct acmedns_data *data, struct error_detail *detail)
{
    struct dump dump = {.file = file, .name = name, .data = data, .detail = detail};
    int result;
    while ((result = next_line(&dump)) == 1) {
        result = read_statement(&dump);
        if (result != 0) {
            break;
        }
    }
    if (result == 0 && dump.begun && !dump.ended) {
        result = wrong(&dump, "the dump does not end as pg_dump or sqlite3 ends one: it was cut off");
    }
    free(dump.line);
    return result;
}
