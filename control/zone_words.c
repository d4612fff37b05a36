#include "control/zone_words.h"

#include <string.h>

bool zone_word_next(const char **at, struct zone_word *word)
{
    const char *text = *at + strspn(*at, " ");
    bool quoted = *text == '"';
    size_t len = 0;
    text += quoted;
    while (text[len] != '\0' && text[len] != (quoted ? '"' : ' ')) {
        len += text[len] == '\\' && text[len + 1] != '\0' ? 2 : 1;
    }
    *word = (struct zone_word){text, len};
    *at = text + len + (quoted && text[len] == '"');
    return len > 0 || quoted;
}
