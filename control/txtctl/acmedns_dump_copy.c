/* COPY, with its rows as lines (PostgreSQL's documentation, COPY, "Text Format"). */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/txtctl/acmedns_dump.h"

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
size_t dump_unescape(char *text, size_t len)
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
static int read_copied(struct dump *dump, struct dump_target *target)
{
    struct acmedns_field fields[COLUMNS_MAX];
    unsigned count = 0;
    char *at = dump->line, *end = dump->line + dump->line_len;
    for (;;) {
        char *tab = memchr(at, '\t', (size_t)(end - at));
        char *stop = tab == NULL ? end : tab;
        if (count == COLUMNS_MAX) {
            return dump_wrong(dump, "the row has too many values");
        }
        *stop = '\0';
        bool is_null = stop - at == 2 && memcmp(at, "\\N", 2) == 0;
        fields[count++] = is_null ? (struct acmedns_field){NULL, 0}
                                  : (struct acmedns_field){at, dump_unescape(at, (size_t)(stop - at))};
        if (tab == NULL) {
            return dump_add_row(dump, target, fields, count);
        }
        at = tab + 1;
    }
}

int dump_read_copy(struct dump *dump)
{
    struct dump_target target;
    const char *at = dump->line + strlen("COPY ");
    static const char from[] = "FROM stdin;";
    if (!dump_read_target(&at, &target)) {
        return dump_wrong(dump, "this COPY cannot be understood");
    }
    if (dump_check_target(dump, &target) != 0) {
        return TXTD_EINVAL;
    }
    dump_skip_blanks(&at);
    bool plain = strcasecmp(at, from) == 0;
    size_t from_len = strlen(from);
    if (target.known && !plain) {
        return dump_wrong(dump, "a COPY that is not FROM stdin with defaults");
    }
    /* Of another table: its rows have to be passed over, for they may look like anything. */
    if (!plain && (dump->line_len < from_len || strcasecmp(dump->line + dump->line_len - from_len, from) != 0)) {
        return 0;
    }
    for (;;) {
        int result = dump_next_line(dump);
        if (result <= 0) {
            return result < 0 ? result : dump_wrong(dump, "the dump ends within the rows of a table: it was cut off");
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
