#include "control/acmedns_json.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "control/allowfrom.h"

/* Reads an object or `null` (then *object is NULL). Jansson bounds the depth, the HTTP server the length. No number is asked
 * for: one with more digits than an integer has is no worse than another. */
static int load_object(const char *body, size_t len, json_t **object)
{
    json_t *root = json_loadb(body == NULL ? "" : body, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    *object = NULL;
    if (json_is_object(root)) {
        *object = root;
        return 0;
    }
    int result = json_is_null(root) ? 0 : TXTD_EINVAL;
    json_decref(root);
    return result;
}

/* The last member with that name, whatever its case; NULL when absent. Borrowed. */
static json_t *member(json_t *object, const char *name)
{
    const char *key;
    json_t *value, *found = NULL;
    json_object_foreach(object, key, value)
    {
        if (strcasecmp(key, name) == 0) {
            found = value;
        }
    }
    return found;
}

static bool is_blank(const char *body, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", body[i]) == NULL || body[i] == '\0') {
            return false;
        }
    }
    return true;
}

static int read_allowfrom(const json_t *list, struct service_registration *registration, const char **error)
{
    size_t index;
    json_t *item;
    if (list == NULL || json_is_null(list)) {
        return 0;
    }
    *error = ACMEDNS_ERROR_JSON;
    if (!json_is_array(list)) {
        return TXTD_EINVAL;
    }
    json_array_foreach(list, index, item)
    {
        if (!json_is_string(item)) {
            return TXTD_EINVAL;
        }
    }
    *error = ACMEDNS_ERROR_CIDR;
    json_array_foreach(list, index, item)
    {
        if (index == STORE_ALLOWFROM_MAX ||
            allowfrom_parse(json_string_value(item), json_string_length(item), &registration->allowfrom[index]) != 0) {
            return TXTD_EINVAL;
        }
        registration->allowfrom_count = (unsigned)index + 1;
    }
    return 0;
}

int acmedns_json_register(const char *body, size_t len, struct service_registration *registration, const char **error)
{
    json_t *object;
    memset(registration, 0, sizeof *registration);
    if (is_blank(body, len)) {
        return 0;
    }
    *error = ACMEDNS_ERROR_JSON;
    int result = load_object(body, len, &object);
    if (result == 0) {
        result = read_allowfrom(member(object, "allowfrom"), registration, error);
    }
    json_decref(object);
    return result;
}

static bool is_dns01_value(const char *text, size_t len)
{
    static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return len == ACMEDNS_VALUE_LEN && strspn(text, base64url) == len;
}

int acmedns_json_update(const char *body, size_t len, struct acmedns_update *update)
{
    json_t *object;
    memset(update, 0, sizeof *update);
    int result = load_object(body, len, &object);
    if (result != 0) {
        return result;
    }
    const json_t *subdomain = member(object, "subdomain"), *value = member(object, "txt");
    if (json_is_string(subdomain) && json_string_length(subdomain) <= ACMEDNS_SUBDOMAIN_MAX) {
        update->subdomain_len = json_string_length(subdomain);
        memcpy(update->subdomain, json_string_value(subdomain), update->subdomain_len);
    }
    if (json_is_string(value) && is_dns01_value(json_string_value(value), json_string_length(value))) {
        memcpy(update->value, json_string_value(value), ACMEDNS_VALUE_LEN);
        update->value_valid = true;
    }
    json_decref(object);
    return 0;
}

bool acmedns_subdomain_names(const char *subdomain, size_t len, const struct delegate_id *id, const char *apex)
{
    struct delegate_id named;
    size_t apex_len = strlen(apex);
    if (len < DELEGATE_ID_TEXT_LEN || delegate_id_parse(subdomain, DELEGATE_ID_TEXT_LEN, &named) != 0 ||
        memcmp(&named, id, sizeof named) != 0) {
        return false;
    }
    const char *rest = subdomain + DELEGATE_ID_TEXT_LEN;
    size_t rest_len = len - DELEGATE_ID_TEXT_LEN;
    if (rest_len == 0) {
        return true;
    }
    if (rest_len > 1 && rest[rest_len - 1] == '.') {
        rest_len--;
    }
    return rest_len == apex_len + 1 && rest[0] == '.' && strncasecmp(rest + 1, apex, apex_len) == 0;
}
