#include "control/change_text.h"

#include <string.h>

#include "control/allowfrom.h"

static const char cut_mark[] = "...";

/* A line that is being written. */
struct line {
    char *text;
    size_t capacity, len;
    bool cut;
};

static void add(struct line *line, const char *octets, size_t len)
{
    size_t room = line->capacity - line->len;
    if (len > room) {
        line->cut = true;
        len = room;
    }
    memcpy(line->text + line->len, octets, len);
    line->len += len;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static void add_quoted(struct line *line, const char *octets, size_t len)
{
    add_text(line, line->len == 0 ? "\"" : " \"");
    for (size_t i = 0; i < len && !line->cut; i++) {
        if (octets[i] == '"' || octets[i] == '\\') {
            add_text(line, "\\");
        }
        add(line, &octets[i], 1);
    }
    add_text(line, "\"");
}

static size_t end(struct line *line)
{
    size_t mark_len = sizeof cut_mark - 1;
    if (line->cut && line->capacity >= mark_len) {
        line->len = line->len < line->capacity - mark_len ? line->len : line->capacity - mark_len;
        add(line, cut_mark, mark_len);
    }
    return line->len;
}

size_t change_text_values(const struct delegate_state *state, char *text, size_t capacity)
{
    struct line line = {text, capacity, 0, false};
    for (unsigned i = 0; i < state->values_count && !line.cut; i++) {
        add_quoted(&line, state->values[i].text, state->values[i].len);
    }
    return end(&line);
}

size_t change_text_persistent(const struct delegate_state *state, char *text, size_t capacity)
{
    struct line line = {text, capacity, 0, false};
    size_t at = 0, len = 0;
    const char *value;
    while (!line.cut && (value = delegate_persistent_next(state, &at, &len)) != NULL) {
        add_quoted(&line, value, len);
    }
    return end(&line);
}

size_t change_text_settings(const struct store_cidr allowfrom[], unsigned allowfrom_count, bool sets_note, char *text,
                            size_t capacity)
{
    struct line line = {text, capacity, 0, false};
    if (allowfrom != NULL) {
        add_text(&line, allowfrom_count == 0 ? "allowfrom everywhere" : "allowfrom");
    }
    for (unsigned i = 0; allowfrom != NULL && i < allowfrom_count; i++) {
        char prefix[ALLOWFROM_TEXT_MAX];
        allowfrom_format(&allowfrom[i], prefix);
        add_text(&line, " ");
        add_text(&line, prefix);
    }
    if (sets_note) {
        add_text(&line, line.len == 0 ? "note" : ", note");
    }
    return end(&line);
}
