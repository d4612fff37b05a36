/* What clients of the native API send. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/allowfrom.h"
#include "control/issue_value.h"
#include "control/native_json.h"

#define VALUE_EXPIRY_MAX_S (INT64_C(10) * 366 * 24 * 3600)

static int fail(struct native_fault *fault, const char *word, const char *detail)
{
    *fault = (struct native_fault){word, detail};
    return TXTD_EINVAL;
}

/* Reads an object whose members are all among `names` (ending with NULL). Jansson bounds the depth, the HTTP server the
 * length. The caller owns *object. */
static int load(struct http_text body, const char *const names[], json_t **object, struct native_fault *fault)
{
    const char *key;
    json_t *value;
    *object = json_loadb(body.data == NULL ? "" : body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(*object)) {
        json_decref(*object);
        return fail(fault, "malformed_json", "the body must be a JSON object");
    }
    json_object_foreach(*object, key, value)
    {
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            json_decref(*object);
            return fail(fault, "unknown_member", "the body has a member that this call does not know");
        }
    }
    return 0;
}

static int read_allowfrom(const json_t *list, struct store_cidr cidrs[STORE_ALLOWFROM_MAX], unsigned *count,
                          struct native_fault *fault)
{
    size_t index;
    json_t *item;
    *count = 0;
    if (!json_is_array(list) || json_array_size(list) > STORE_ALLOWFROM_MAX) {
        return fail(fault, "invalid_allowfrom", "allowfrom must be a list of at most 32 prefixes");
    }
    json_array_foreach(list, index, item)
    {
        if (!json_is_string(item) ||
            allowfrom_parse(json_string_value(item), json_string_length(item), &cidrs[index]) != 0) {
            return fail(fault, "invalid_allowfrom", "each of allowfrom must be a prefix such as 192.0.2.0/24");
        }
        ++*count;
    }
    return 0;
}

/* Jansson has checked that it is UTF-8. `null` is an empty note. */
static int read_note(const json_t *value, char note[STORE_NOTE_LEN_MAX], uint8_t *len, struct native_fault *fault)
{
    *len = 0;
    if (json_is_null(value)) {
        return 0;
    }
    if (!json_is_string(value) || json_string_length(value) > STORE_NOTE_LEN_MAX) {
        return fail(fault, "invalid_note", "note must be a string of at most 255 octets");
    }
    *len = (uint8_t)json_string_length(value);
    memcpy(note, json_string_value(value), *len);
    return 0;
}

static int read_zone(const json_t *value, const struct service_rules *rules, uint16_t *zone, struct native_fault *fault)
{
    for (unsigned i = 0; json_is_string(value) && i < rules->zones_count; i++) {
        if (strcasecmp(json_string_value(value), rules->zones[i].name) == 0) {
            *zone = rules->zones[i].number;
            return 0;
        }
    }
    return fail(fault, "unknown_zone", "zone must be one of the zones that are served here");
}

static int read_slots(const json_t *value, uint8_t *slots, struct native_fault *fault)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 2 || number > DELEGATE_VALUES_MAX) {
        return fail(fault, "invalid_slots", "slots must be a number from 2 to 16");
    }
    *slots = (uint8_t)number;
    return 0;
}

static int read_value_expiry(const json_t *value, int64_t *expiry_s, struct native_fault *fault)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > VALUE_EXPIRY_MAX_S) {
        return fail(fault, "invalid_value_expiry", "value_expiry_s must be a number of seconds; 0 is never");
    }
    *expiry_s = number == 0 ? STORE_VALUE_EXPIRY_NEVER : (int64_t)number;
    return 0;
}

static int fill_registration(const json_t *object, const struct service_rules *rules,
                             struct service_registration *registration, struct native_fault *fault)
{
    const json_t *allowfrom = json_object_get(object, "allowfrom"), *note = json_object_get(object, "note"),
                 *zone = json_object_get(object, "zone"), *slots = json_object_get(object, "slots"),
                 *expiry = json_object_get(object, "value_expiry_s");
    int result = allowfrom == NULL
                     ? 0
                     : read_allowfrom(allowfrom, registration->allowfrom, &registration->allowfrom_count, fault);
    if (result == 0 && note != NULL) {
        result = read_note(note, registration->note, &registration->note_len, fault);
    }
    if (result == 0 && zone != NULL) {
        result = read_zone(zone, rules, &registration->zone, fault);
    }
    if (result == 0 && slots != NULL) {
        result = read_slots(slots, &registration->slots, fault);
    }
    if (result == 0 && expiry != NULL) {
        result = read_value_expiry(expiry, &registration->value_expiry_s, fault);
    }
    return result;
}

int native_json_registration(struct http_text body, const struct service_rules *rules,
                             struct service_registration *registration, struct native_fault *fault)
{
    static const char *const names[] = {"allowfrom", "note", "zone", "slots", "value_expiry_s", NULL};
    json_t *object;
    memset(registration, 0, sizeof *registration);
    if (body.len == 0) {
        return 0;
    }
    int result = load(body, names, &object, fault);
    if (result == 0) {
        result = fill_registration(object, rules, registration, fault);
        json_decref(object);
    }
    return result;
}

int native_json_settings(struct http_text body, struct service_edit *edit, struct native_fault *fault)
{
    static const char *const names[] = {"allowfrom", "note", NULL};
    json_t *object;
    int result = load(body, names, &object, fault);
    if (result != 0) {
        return result;
    }
    const json_t *allowfrom = json_object_get(object, "allowfrom"), *note = json_object_get(object, "note");
    edit->sets_allowfrom = allowfrom != NULL;
    edit->sets_note = note != NULL;
    if (allowfrom != NULL) {
        unsigned count;
        result = read_allowfrom(allowfrom, edit->allowfrom, &count, fault);
        edit->allowfrom_count = (uint8_t)count;
    }
    if (result == 0 && note != NULL) {
        result = read_note(note, edit->note, &edit->note_len, fault);
    }
    json_decref(object);
    return result;
}

bool native_json_value_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return len > 0 && len <= DELEGATE_VALUE_LEN_MAX;
}

/* Adds one of the values that are to be set. */
static int add_value(struct delegate_state *wanted, const json_t *item, struct native_fault *fault)
{
    size_t len = json_string_length(item);
    const char *text = json_string_value(item);
    if (!json_is_string(item) || !native_json_value_valid(text, len)) {
        return fail(fault, "invalid_value", "each value must be 1 to 255 printable ASCII characters");
    }
    for (unsigned i = 0; i < wanted->values_count; i++) {
        if (wanted->values[i].len == len && memcmp(wanted->values[i].text, text, len) == 0) {
            return fail(fault, "invalid_value", "no value may be there twice");
        }
    }
    struct delegate_value *value = &wanted->values[wanted->values_count++];
    value->len = (uint8_t)len;
    memcpy(value->text, text, len);
    return 0;
}

static int add_persistent(struct delegate_state *wanted, const json_t *item, struct native_fault *fault)
{
    size_t len = json_string_length(item);
    if (!json_is_string(item) || !issue_value_valid(json_string_value(item), len)) {
        return fail(fault, "invalid_value", "each value must be an issue-value (RFC 8659 section 4.2) with an issuer");
    }
    size_t at = 0, other_len = 0;
    const char *other;
    while ((other = delegate_persistent_next(wanted, &at, &other_len)) != NULL) {
        if (other_len == len && memcmp(other, json_string_value(item), len) == 0) {
            return fail(fault, "invalid_value", "no value may be there twice");
        }
    }
    if (delegate_persistent_add(wanted, json_string_value(item), len) != 0) {
        return fail(fault, "too_many_values", "there is room for 8 values of 1008 octets together");
    }
    return 0;
}

static int read_values(struct http_text body, struct delegate_state *wanted, size_t max,
                       int (*add)(struct delegate_state *, const json_t *, struct native_fault *),
                       struct native_fault *fault)
{
    static const char *const names[] = {"values", NULL};
    json_t *object, *item;
    size_t index;
    int result = load(body, names, &object, fault);
    if (result != 0) {
        return result;
    }
    const json_t *values = json_object_get(object, "values");
    if (!json_is_array(values)) {
        result = fail(fault, "invalid_value", "values must be a list of strings");
    } else if (json_array_size(values) > max) {
        result = fail(fault, "too_many_values", "there are more values than the delegate can hold");
    }
    json_array_foreach(values, index, item)
    {
        result = result != 0 ? result : add(wanted, item, fault);
    }
    json_decref(object);
    return result;
}

int native_json_values(struct http_text body, struct service_edit *edit, struct native_fault *fault)
{
    return read_values(body, &edit->wanted, DELEGATE_VALUES_MAX, add_value, fault);
}

int native_json_persistent(struct http_text body, struct service_edit *edit, struct native_fault *fault)
{
    return read_values(body, &edit->wanted, DELEGATE_PERSISTENT_VALUES_MAX, add_persistent, fault);
}

int native_json_backup(struct http_text body, struct native_backup_question *question, struct native_fault *fault)
{
    static const char *const names[] = {"directory", "keep", NULL};
    json_t *object;
    memset(question, 0, sizeof *question);
    int result = body.len == 0 ? 0 : load(body, names, &object, fault);
    if (body.len == 0 || result != 0) {
        return result;
    }
    const json_t *directory = json_object_get(object, "directory"), *keep = json_object_get(object, "keep");
    size_t len = json_string_length(directory);
    if (directory != NULL && (!json_is_string(directory) || len == 0 || len > BACKUP_JOB_PATH_MAX)) {
        result = fail(fault, "invalid_directory", "directory must be a path below store.backup_directory");
    } else if (keep != NULL &&
               (!json_is_integer(keep) || json_integer_value(keep) < 0 || json_integer_value(keep) > BACKUP_KEEP_MAX)) {
        result = fail(fault, "invalid_keep", "keep must be a number from 0 to 10000; 0 keeps all");
    }
    if (result == 0) {
        (void)snprintf(question->directory, sizeof question->directory, "%s",
                       directory == NULL ? "" : json_string_value(directory));
        question->keep = (unsigned)json_integer_value(keep);
    }
    json_decref(object);
    return result;
}
