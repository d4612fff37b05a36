#include "control/txtctl/export_json.h"

#include <stdio.h>
#include <string.h>

#include "control/allowfrom.h"
#include "control/native_json.h"

/* A bcrypt hash is text; ours is octets. */
static json_t *hash_json(const struct store_key *key)
{
    char hex[2 * sizeof key->hash + 1] = "";
    if (key->scheme == STORE_KEY_BCRYPT) {
        return json_stringn((const char *)key->hash, key->hash_len);
    }
    for (size_t i = 0; i < key->hash_len; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", key->hash[i]);
    }
    return json_string(hex);
}

static json_t *keys_json(const struct store_account *account)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < account->keys_count; i++) {
        const struct store_key *key = &account->keys[i];
        const char *scheme = key->scheme == STORE_KEY_BCRYPT ? "bcrypt" : "sha256";
        (void)json_array_append_new(list, json_pack("{s:I, s:s, s:o, s:o}", "key_id", (json_int_t)key->key_id, "scheme",
                                                    scheme, "hash", hash_json(key), "created_at",
                                                    native_json_time(key->created_s)));
    }
    return list;
}

static json_t *allowfrom_json(const struct store_account *account)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < account->allowfrom_count; i++) {
        char text[ALLOWFROM_TEXT_MAX];
        allowfrom_format(&account->allowfrom[i], text);
        (void)json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *values_json(const struct delegate_state *delegate)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < delegate->values_count; i++) {
        const struct delegate_value *value = &delegate->values[i];
        (void)json_array_append_new(list, json_pack("{s:s%, s:o}", "value", value->text, (size_t)value->len, "set_at",
                                                    native_json_time(value->set_at_s)));
    }
    return list;
}

static json_t *persistent_json(const struct delegate_state *delegate)
{
    json_t *list = json_array();
    size_t at = 0, len;
    for (const char *text; (text = delegate_persistent_next(delegate, &at, &len)) != NULL;) {
        (void)json_array_append_new(list, json_stringn(text, len));
    }
    return list;
}

json_t *export_json(const struct store_account *account, const struct delegate_state *delegate, const char *zone)
{
    static const struct delegate_state none;
    char username[DELEGATE_ID_TEXT_LEN + 1], subdomain[DELEGATE_ID_TEXT_LEN + 1];
    const struct delegate_state *state = delegate == NULL ? &none : delegate;
    delegate_id_format(&account->username, username);
    delegate_id_format(&account->delegate, subdomain);
    return json_pack("{s:s, s:s, s:s?, s:b, s:b, s:o, s:o, s:o, s:s%, s:i, s:I, s:o, s:o, s:o}", "username", username,
                     "subdomain", subdomain, "zone", zone, "deleted", account->deleted, "disabled", state->disabled,
                     "created_at", native_json_time(account->created_s), "keys", keys_json(account), "allowfrom",
                     allowfrom_json(account), "note", account->note, (size_t)account->note_len, "slots",
                     (int)account->slots, "value_expiry_s", (json_int_t)account->value_expiry_s, "values",
                     values_json(state), "expires_at", native_json_time(state->expires_at_s), "persistent",
                     persistent_json(state));
}
