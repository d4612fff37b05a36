/* acmedns_dump.h: a dump of acme-dns's database while it is read; for acmedns_dump*.c only. One thread. */
#ifndef TXTD_CONTROL_TXTCTL_ACMEDNS_DUMP_H
#define TXTD_CONTROL_TXTCTL_ACMEDNS_DUMP_H

#include <stdbool.h>

#include "control/txtctl/acmedns_source.h"

#define COLUMNS_MAX 16
#define ROW_MAX     (1u << 20) /* octets of a line, or of an INSERT's row */

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

enum dump_table { TABLE_RECORDS, TABLE_TXT, TABLE_ACMEDNS, TABLES_COUNT };

/* Where the rows of a statement go. */
struct dump_target {
    bool known; /* one of acme-dns's tables */
    enum dump_table table;
    int wanted[COLUMNS_MAX]; /* the place among the columns looked at of each column; -1: not looked at */
    unsigned columns;
};

/* Says what is wrong with the line that is read. Returns TXTD_EINVAL. */
int dump_wrong(const struct dump *dump, const char *what);

/* The next line without its newline. Returns 1, 0 at the end, or a code with the detail. */
int dump_next_line(struct dump *dump);

/* Moves *at behind white space. */
void dump_skip_blanks(const char **at);

/* Reads "schema.table (column, ...)"; the list may be missing. Returns false when it cannot be understood. */
bool dump_read_target(const char **at, struct dump_target *target);

/* Looks, before any row, at whether the statement has all columns that are needed. Returns 0 or TXTD_EINVAL with the detail. */
int dump_check_target(struct dump *dump, const struct dump_target *target);

/* Hands a row to the data. Returns 0 or a code with the detail. */
int dump_add_row(struct dump *dump, struct dump_target *target, const struct acmedns_field fields[COLUMNS_MAX],
                 unsigned count);

/* What backslashes mean in COPY's rows and in E'' strings. In place; returns the length. */
size_t dump_unescape(char *text, size_t len);

/* The statement that begins in the line, with its rows. Return 0 or a code with the detail. */
int dump_read_copy(struct dump *dump);
int dump_read_insert(struct dump *dump);

#endif
