/* Dumps of pg_dump in plain text: COPY or INSERT; and of sqlite3 (.dump), INSERT. Everything else is passed over. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/txtctl/acmedns_dump.h"

int dump_wrong(const struct dump *dump, const char *what)
{
    return error_describe(dump->detail, TXTD_EINVAL, "%s:%lu: %s", dump->name, dump->line_number, what);
}

/* The next line without its newline. Returns 1, 0 at the end, or a code. */
int dump_next_line(struct dump *dump)
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
    return len > (ssize_t)ROW_MAX ? dump_wrong(dump, "a line of more than 1 MiB") : 1;
}

static int read_statement(struct dump *dump)
{
    static const char first[] = "-- PostgreSQL database dump", last[] = "-- PostgreSQL database dump complete";
    if (strcmp(dump->line, first) == 0 || strcmp(dump->line, "BEGIN TRANSACTION;") == 0) {
        dump->begun = true;
    } else if (strcmp(dump->line, last) == 0 || strcmp(dump->line, "COMMIT;") == 0) {
        dump->ended = true;
    } else if (strncasecmp(dump->line, "COPY ", 5) == 0) {
        return dump_read_copy(dump);
    } else if (strncasecmp(dump->line, "INSERT INTO ", 12) == 0) {
        return dump_read_insert(dump);
    }
    return 0;
}

int acmedns_dump_read(FILE *file, const char *name, struct acmedns_data *data, struct error_detail *detail)
{
    struct dump dump = {.file = file, .name = name, .data = data, .detail = detail};
    int result;
    while ((result = dump_next_line(&dump)) == 1) {
        result = read_statement(&dump);
        if (result != 0) {
            break;
        }
    }
    if (result == 0 && dump.begun && !dump.ended) {
        result = dump_wrong(&dump, "the dump does not end as pg_dump or sqlite3 ends one: it was cut off");
    }
    free(dump.line);
    return result;
}
