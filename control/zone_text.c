#include "control/zone_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The record that is being put together. */
struct assembly {
    char *record;
    size_t len;
    unsigned depth;       /* open parentheses */
    unsigned opened_line; /* of the outermost one */
    bool started;         /* something other than blanks was seen */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int append(struct assembly *assembly, char c, struct error_detail *detail)
{
    if (assembly->len + 1 >= ZONE_TEXT_RECORD_MAX) {
        return error_describe(detail, TXTD_EINVAL, "a record has more than %u characters", ZONE_TEXT_RECORD_MAX - 1);
    }
    assembly->record[assembly->len++] = c;
    return 0;
}

/* A run of blanks is one space; in front of a record it says "the same owner". */
static int append_blank(struct assembly *assembly, struct error_detail *detail)
{
    if (assembly->len > 0 && assembly->record[assembly->len - 1] == ' ') {
        return 0;
    }
    return append(assembly, ' ', detail);
}

/* Copies the string that starts at the quote. Its end must be on the same line. */
static int take_string(struct zone_text *text, struct assembly *assembly, struct error_detail *detail)
{
    bool escaped = false;
    for (size_t start = text->at; text->at < text->len; text->at++) {
        char c = text->text[text->at];
        if (c == '\n' || c == '\0') {
            break;
        }
        int result = append(assembly, c, detail);
        if (result != 0) {
            return result;
        }
        if (c == '"' && !escaped && text->at > start) {
            text->at++;
            return 0;
        }
        escaped = c == '\\' && !escaped;
    }
    return error_describe(detail, TXTD_EINVAL, "a string has no closing quote on its line");
}

static int take_parenthesis(struct zone_text *text, struct assembly *assembly, struct error_detail *detail)
{
    if (text->text[text->at++] == '(') {
        if (assembly->depth++ == 0) {
            assembly->opened_line = text->line + 1;
        }
    } else if (assembly->depth-- == 0) {
        return error_describe(detail, TXTD_EINVAL, "a ')' without its '('");
    }
    return append_blank(assembly, detail);
}

/* Copies a character outside of strings, with its backslash if it has one. */
static int take_character(struct zone_text *text, struct assembly *assembly, struct error_detail *detail)
{
    char c = text->text[text->at++];
    if (c == '\0') {
        return error_describe(detail, TXTD_EINVAL, "a NUL character: this is no text file");
    }
    int result = append(assembly, c, detail);
    if (result != 0 || c != '\\') {
        return result;
    }
    if (text->at == text->len || text->text[text->at] == '\n' || text->text[text->at] == '\0') {
        return error_describe(detail, TXTD_EINVAL, "a backslash with nothing behind it");
    }
    return append(assembly, text->text[text->at++], detail);
}

static void skip_comment(struct zone_text *text)
{
    while (text->at < text->len && text->text[text->at] != '\n') {
        text->at++;
    }
}

/* Ends a line. Returns whether it ended the record. */
static bool end_line(struct zone_text *text, struct assembly *assembly)
{
    text->at++;
    text->line++;
    if (assembly->depth > 0) {
        return false;
    }
    if (!assembly->started) {
        assembly->len = 0; /* a line of blanks is nobody's owner */
    }
    return assembly->started;
}

static int finish(struct assembly *assembly)
{
    if (!assembly->started) {
        return 0;
    }
    if (assembly->record[assembly->len - 1] == ' ') {
        assembly->len--;
    }
    assembly->record[assembly->len] = '\0';
    return 1;
}

static int take(struct zone_text *text, struct assembly *assembly, unsigned *line, struct error_detail *detail)
{
    char c = text->text[text->at];
    if (is_blank(c)) {
        text->at++;
        return append_blank(assembly, detail);
    }
    if (!assembly->started) {
        assembly->started = true;
        *line = text->line + 1;
    }
    if (c == '"') {
        return take_string(text, assembly, detail);
    }
    return c == '(' || c == ')' ? take_parenthesis(text, assembly, detail) : take_character(text, assembly, detail);
}

int zone_text_next(struct zone_text *text, char record[ZONE_TEXT_RECORD_MAX], unsigned *line,
                   struct error_detail *detail)
{
    struct assembly assembly = {.record = record};
    if (text->at == 0 && text->len >= 3 && memcmp(text->text, "\xef\xbb\xbf", 3) == 0) {
        text->at = 3; /* a byte order mark, which some editors put in front of UTF-8 */
    }
    while (text->at < text->len) {
        char c = text->text[text->at];
        int result = 0;
        if (c == ';') {
            skip_comment(text);
        } else if (c != '\n') {
            result = take(text, &assembly, line, detail);
        } else if (end_line(text, &assembly)) {
            return finish(&assembly);
        } else if (assembly.depth > 0) {
            result = append_blank(&assembly, detail);
        }
        if (result != 0) {
            *line = text->line + 1;
            return result;
        }
    }
    if (assembly.depth > 0) {
        *line = assembly.opened_line;
        return error_describe(detail, TXTD_EINVAL, "a '(' without its ')'");
    }
    return finish(&assembly);
}
