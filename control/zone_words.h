/* zone_words.h: the words of one record in presentation format (RFC 1035 section 5.1), as zone_text_next writes it.
 *
 * Pure. Used by zone_numbers.c and zone_ranges.c; any control thread.
 */
#ifndef TXTD_CONTROL_ZONE_WORDS_H
#define TXTD_CONTROL_ZONE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* A word, without its quotes; points into the record. */
struct zone_word {
    const char *text;
    size_t len;
};

/* Takes the next word and leaves *at behind it. A backslash takes the character behind it along. False: there is none. */
bool zone_word_next(const char **at, struct zone_word *word);

#endif
