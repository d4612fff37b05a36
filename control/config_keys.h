/* config_keys.h: the single-valued keys as a table: kind, default, range, where it comes from and where it goes.
 *
 * A table row is all there is to such a key beside its line in the schema. Defaults are written as an operator would write
 * them.
 */
#ifndef TXTD_CONTROL_CONFIG_KEYS_H
#define TXTD_CONTROL_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config_reader.h"

enum config_kind {
    CONFIG_NUMBER,
    CONFIG_SECONDS,      /* a duration, kept in seconds */
    CONFIG_MILLISECONDS, /* a duration, kept in milliseconds */
    CONFIG_OCTETS,       /* a size */
    CONFIG_BOOL,
    CONFIG_WORD, /* one of `words`; the target is an enum whose values are the indices */
    CONFIG_STRING,
    CONFIG_PATH, /* a string that begins with '/' */
};

struct config_key {
    const char *path;     /* below the mapping that the table is for, e.g. "dns.workers" */
    size_t raw_offset;    /* of a char * in the raw struct */
    size_t offset;        /* of the target */
    size_t size;          /* octets of the target */
    const char *fallback; /* the default; NULL (strings and paths only): none */
    uint64_t min, max;    /* in the target's unit; for strings and paths of their length */
    const char *const *words;
    enum config_kind kind;
    bool reloadable; /* SIGHUP takes over a change */
};

/* A row: the raw member's name is the path. */
#define CONFIG_KEY(raw_type, target_type, member, target, of_kind, default_text, least, most, ...)                     \
    {                                                                                                                  \
        .path = #member, .kind = (of_kind), .raw_offset = offsetof(raw_type, member),                                  \
        .offset = offsetof(target_type, target), .size = sizeof(((target_type *)NULL)->target),                        \
        .fallback = (default_text), .min = (least), .max = (most), __VA_ARGS__                                         \
    }

/* Reads every key of a table from `raw` into `target`. `prefix` stands before the paths in errors ("zones[2]", or "").
 * Returns 0, TXTD_EINVAL or TXTD_ENOMEM with the reader's detail filled. Strings are borrowed from `raw`. */
int config_keys_read(const struct config_reader *reader, const struct config_key keys[], size_t count, const void *raw,
                     void *target, const char *prefix);

/* Writes the paths of the keys that are not reloadable and whose values differ between the two targets to `paths`, at most
 * `max`; returns how many. Pure. */
unsigned config_keys_differ(const struct config_key keys[], size_t count, const void *one, const void *other,
                            const char *paths[], unsigned max);

#endif
