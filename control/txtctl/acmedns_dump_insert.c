/* INSERT, which may go over several lines. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/txtctl/acmedns_dump.h"

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
    return dump_next_line(dump) == 1 ? next_char(dump) : '\0';
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
        row->len = begin + dump_unescape(row->text + begin, row->len - 1 - begin);
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
static int read_inserted(struct dump *dump, struct dump_target *target, struct row *row)
{
    char behind = '\0';
    do {
        row->len = 0;
        row->count = 0;
        if (next_word_char(dump) != '(') {
            return dump_wrong(dump, "this INSERT cannot be understood: no row in parentheses");
        }
        do {
            if (!read_value(dump, row, &behind)) {
                return dump_wrong(dump, "this INSERT cannot be understood, or the dump was cut off");
            }
        } while (behind == ',');
        int result = dump_add_row(dump, target, row->fields, row->count);
        if (result != 0) {
            return result;
        }
        behind = next_word_char(dump);
    } while (behind == ',');
    return behind == ';' || strncasecmp(dump->line + dump->at - 1, "ON CONFLICT", 11) == 0
               ? 0
               : dump_wrong(dump, "an INSERT without an end: the dump was cut off");
}

int dump_read_insert(struct dump *dump)
{
    struct dump_target target;
    const char *at = dump->line + strlen("INSERT INTO ");
    if (!dump_read_target(&at, &target)) {
        return dump_wrong(dump, "this INSERT cannot be understood");
    }
    if (!target.known) {
        return 0; /* should it have more lines, none of them begins as one of ours does */
    }
    if (dump_check_target(dump, &target) != 0) {
        return TXTD_EINVAL;
    }
    const char *values = strcasestr(at, "VALUES");
    if (values == NULL) {
        return dump_wrong(dump, "an INSERT without VALUES");
    }
    dump->at = (size_t)(values - dump->line) + strlen("VALUES");
    struct row row = {.text = malloc(ROW_MAX)};
    int result = row.text == NULL ? dump_wrong(dump, "no memory") : read_inserted(dump, &target, &row);
    free(row.text);
    return result;
}
