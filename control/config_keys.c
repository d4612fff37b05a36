#include "control/config_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/config_units.h"

/* One value on its way. */
struct value {
    uint64_t number;
    const char *text;
};

static int read_word(const struct config_reader *reader, const struct config_key *key, const char *path,
                     const char *text, struct value *value)
{
    char list[160] = "";
    for (uint64_t i = 0; key->words[i] != NULL; i++) {
        if (strcmp(text, key->words[i]) == 0) {
            value->number = i;
            return 0;
        }
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof list - len, "%s%s", i == 0 ? "" : ", ", key->words[i]);
    }
    return config_refuse(reader, path, "\"%.80s\" is not one of: %s", text, list);
}

static int read_quantity(const struct config_reader *reader, const struct config_key *key, const char *path,
                         const char *text, struct value *value)
{
    static const char *const wanted[] = {
        [CONFIG_NUMBER] = "a number",
        [CONFIG_SECONDS] = "a duration such as 30s, 5m or 1d",
        [CONFIG_MILLISECONDS] = "a duration such as 500ms, 30s or 5m",
        [CONFIG_OCTETS] = "a size such as 64KiB, 16MiB or 1GiB",
    };
    int rc = TXTD_EINVAL;
    switch (key->kind) {
    case CONFIG_NUMBER: rc = config_parse_number(text, &value->number); break;
    case CONFIG_SECONDS:
        rc = config_parse_duration(text, &value->number);
        if (rc == 0 && value->number % 1000 != 0) {
            return config_refuse(reader, path, "\"%.80s\" is not a whole number of seconds", text);
        }
        value->number /= 1000;
        break;
    case CONFIG_MILLISECONDS: rc = config_parse_duration(text, &value->number); break;
    default: rc = config_parse_size(text, &value->number); break;
    }
    if (rc != 0) {
        return config_refuse(reader, path, "\"%.80s\" is not %s", text, wanted[key->kind]);
    }
    if (value->number < key->min || value->number > key->max) {
        static const char *const units[] = {[CONFIG_NUMBER] = "",
                                            [CONFIG_SECONDS] = " seconds",
                                            [CONFIG_MILLISECONDS] = " milliseconds",
                                            [CONFIG_OCTETS] = " octets"};
        return config_refuse(reader, path, "\"%.80s\" is not between %" PRIu64 " and %" PRIu64 "%s", text, key->min,
                             key->max, units[key->kind]);
    }
    return 0;
}

static int read_value(const struct config_reader *reader, const struct config_key *key, const char *path,
                      const char *text, struct value *value)
{
    bool truth;
    switch (key->kind) {
    case CONFIG_BOOL:
        if (config_parse_bool(text, &truth) != 0) {
            return config_refuse(reader, path, "\"%.80s\" is neither true nor false", text);
        }
        value->number = truth;
        return 0;
    case CONFIG_WORD: return read_word(reader, key, path, text, value);
    case CONFIG_PATH:
    case CONFIG_STRING:
        if (strlen(text) < key->min || strlen(text) > key->max) {
            return config_refuse(reader, path, "must have %" PRIu64 " to %" PRIu64 " characters", key->min, key->max);
        }
        if (key->kind == CONFIG_PATH && text[0] != '/') {
            return config_refuse(
                reader, path,
                "\"%.80s\" does not begin with /; a relative path means another place to each who reads it", text);
        }
        value->text = text;
        return 0;
    default: return read_quantity(reader, key, path, text, value);
    }
}

static bool is_text(const struct config_key *key)
{
    return key->kind == CONFIG_STRING || key->kind == CONFIG_PATH;
}

/* Ranges keep every number inside its target; little endian or not, each width is written as itself. */
static void store_value(const struct config_key *key, const struct value *value, void *at)
{
    if (is_text(key)) {
        memcpy(at, &value->text, sizeof value->text);
        return;
    }
    uint8_t one = (uint8_t)value->number;
    uint16_t two = (uint16_t)value->number;
    uint32_t four = (uint32_t)value->number;
    switch (key->size) {
    case 1: memcpy(at, &one, sizeof one); break;
    case 2: memcpy(at, &two, sizeof two); break;
    case 4: memcpy(at, &four, sizeof four); break;
    default: memcpy(at, &value->number, sizeof value->number); break;
    }
}

int config_keys_read(const struct config_reader *reader, const struct config_key keys[], size_t count, const void *raw,
                     void *target, const char *prefix)
{
    for (size_t i = 0; i < count; i++) {
        char path[120];
        const char *text;
        struct value value = {0, NULL};
        (void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", keys[i].path);
        memcpy(&text, (const char *)raw + keys[i].raw_offset, sizeof text);
        if (text == NULL) {
            text = keys[i].fallback;
        }
        int rc = text == NULL ? 0 : read_value(reader, &keys[i], path, text, &value);
        if (rc != 0) {
            return rc;
        }
        store_value(&keys[i], &value, (char *)target + keys[i].offset);
    }
    return 0;
}

static bool same(const struct config_key *key, const void *one, const void *other)
{
    if (!is_text(key)) {
        return memcmp(one, other, key->size) == 0;
    }
    const char *a, *b;
    memcpy(&a, one, sizeof a);
    memcpy(&b, other, sizeof b);
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

unsigned config_keys_differ(const struct config_key keys[], size_t count, const void *one, const void *other,
                            const char *paths[], unsigned max)
{
    unsigned found = 0;
    for (size_t i = 0; i < count && found < max; i++) {
        if (!keys[i].reloadable &&
            !same(&keys[i], (const char *)one + keys[i].offset, (const char *)other + keys[i].offset)) {
            paths[found++] = keys[i].path;
        }
    }
    return found;
}
