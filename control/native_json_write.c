/* What clients of the native API get. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "control/allowfrom.h"
#include "control/native_json.h"

static const uint8_t ipv4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

json_t *native_json_time(int64_t at_s)
{
    char text[sizeof "2026-01-02T03:04:05Z"];
    time_t at = (time_t)at_s;
    struct tm utc;
    if (at_s == 0 || gmtime_r(&at, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        return json_null();
    }
    return json_string(text);
}

json_t *native_json_client(const uint8_t address[16])
{
    static const uint8_t none[16];
    char text[INET6_ADDRSTRLEN] = "";
    if (memcmp(address, none, sizeof none) == 0) {
        return json_null();
    }
    if (memcmp(address, ipv4_mapped_prefix, sizeof ipv4_mapped_prefix) == 0) {
        (void)inet_ntop(AF_INET, address + sizeof ipv4_mapped_prefix, text, sizeof text);
    } else {
        (void)inet_ntop(AF_INET6, address, text, sizeof text);
    }
    return json_string(text);
}

static json_t *values_json(const struct delegate_state *delegate, int64_t now_s)
{
    json_t *list = json_array();
    bool expired = delegate->expires_at_s != 0 && delegate->expires_at_s <= now_s;
    for (unsigned i = 0; !expired && i < delegate->values_count; i++) {
        const struct delegate_value *value = &delegate->values[i];
        (void)json_array_append_new(list, json_pack("{s:s%, s:o, s:I, s:o}", "value", value->text, (size_t)value->len,
                                                    "set_at", native_json_time(value->set_at_s), "age_s",
                                                    (json_int_t)(now_s > value->set_at_s ? now_s - value->set_at_s : 0),
                                                    "expires_at", native_json_time(delegate->expires_at_s)));
    }
    return list;
}

static json_t *persistent_json(const struct delegate_state *delegate)
{
    json_t *list = json_array();
    size_t at = 0, len = 0;
    const char *text;
    while ((text = delegate_persistent_next(delegate, &at, &len)) != NULL) {
        (void)json_array_append_new(list, json_stringn(text, len));
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

static json_t *keys_json(const struct store_account *account)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < account->keys_count; i++) {
        (void)json_array_append_new(list, json_pack("{s:I, s:o}", "key_id", (json_int_t)account->keys[i].key_id,
                                                    "created_at", native_json_time(account->keys[i].created_s)));
    }
    return list;
}

static bool changes_values(uint8_t kind)
{
    return kind == STORE_EVENT_UPDATED || kind == STORE_EVENT_VALUES_SET || kind == STORE_EVENT_VALUE_REMOVED;
}

/* The last change of the values: the newest one tells, and the history when there is none any more. */
static int64_t updated_at_s(const struct native_view *view)
{
    const struct delegate_state *delegate = view->delegate;
    int64_t at_s = delegate->values_count == 0 ? 0 : delegate->values[delegate->values_count - 1].set_at_s;
    for (unsigned i = 0; i < view->events_count; i++) {
        if (changes_values(view->events[i].kind) && view->events[i].at_s > at_s) {
            at_s = view->events[i].at_s;
        }
    }
    return at_s;
}

static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

/* What the account knows and the name alone does not. */
static void add_account(json_t *object, const struct native_view *view)
{
    const struct store_account *account = view->account;
    int64_t expiry_s = account->value_expiry_s;
    char username[DELEGATE_ID_TEXT_LEN + 1];
    delegate_id_format(&account->username, username);
    set(object, "username", json_string(username));
    set(object, "allowfrom", allowfrom_json(account));
    set(object, "note", json_stringn(account->note, account->note_len));
    set(object, "slots", json_integer(account->slots == 0 ? (json_int_t)view->zone->slots : account->slots));
    set(object, "value_expiry_s",
        json_integer(expiry_s == 0  ? (json_int_t)view->zone->value_expiry_s
                     : expiry_s < 0 ? 0
                                    : (json_int_t)expiry_s));
    set(object, "keys", keys_json(account));
    set(object, "created_at", native_json_time(account->created_s));
}

json_t *native_json_delegate(const struct native_view *view)
{
    char id[DELEGATE_ID_TEXT_LEN + 1];
    const struct delegate_state *delegate = view->delegate;
    delegate_id_format(&delegate->id, id);
    json_t *object =
        json_pack("{s:s, s:s++, s:s, s:b, s:I, s:o, s:o, s:o}", "id", id, "fulldomain", id, ".", view->zone->name,
                  "zone", view->zone->name, "disabled", delegate->disabled, "version", (json_int_t)delegate->version,
                  "values", values_json(delegate, (int64_t)time(NULL)), "persistent", persistent_json(delegate),
                  "updated_at", native_json_time(updated_at_s(view)));
    if (object != NULL && view->account != NULL) {
        add_account(object, view);
    }
    if (object != NULL && view->usage != NULL) {
        set(object, "last_asked_at", native_json_time(view->usage->asked_at_s));
        set(object, "asked_count", json_integer((json_int_t)view->usage->asked_count));
    }
    return object;
}

json_t *native_json_list_item(const struct store_account *account, const struct delegate_state *delegate,
                              const char *zone)
{
    char id[DELEGATE_ID_TEXT_LEN + 1], username[DELEGATE_ID_TEXT_LEN + 1];
    delegate_id_format(&account->delegate, id);
    delegate_id_format(&account->username, username);
    const struct native_view view = {.account = account, .delegate = delegate};
    json_t *name = zone == NULL ? json_null() : json_sprintf("%s.%s", id, zone);
    return json_pack("{s:s, s:o, s:s?, s:s, s:b, s:s%, s:o, s:o, s:i}", "id", id, "fulldomain", name, "zone", zone,
                     "username", username, "disabled", delegate->disabled, "note", account->note,
                     (size_t)account->note_len, "created_at", native_json_time(account->created_s), "updated_at",
                     native_json_time(updated_at_s(&view)), "values_count", (int)delegate->values_count);
}

json_t *native_json_event(const struct store_event *event)
{
    static const char *const words[] = {
        [STORE_EVENT_UPDATED] = "updated",
        [STORE_EVENT_VALUES_SET] = "values_set",
        [STORE_EVENT_VALUE_REMOVED] = "value_removed",
        [STORE_EVENT_SETTINGS] = "settings_changed",
        [STORE_EVENT_KEY_ADDED] = "key_added",
        [STORE_EVENT_KEY_REVOKED] = "key_revoked",
        [STORE_EVENT_PERSISTENT] = "persistent_set",
        [STORE_EVENT_DISABLED] = "disabled",
        [STORE_EVENT_ENABLED] = "enabled",
        [STORE_EVENT_DELETED] = "deleted",
        [STORE_EVENT_EXPIRED] = "expired",
    };
    const char *word = event->kind < sizeof words / sizeof words[0] ? words[event->kind] : NULL;
    json_t *object =
        json_pack("{s:o, s:s, s:I, s:o}", "at", native_json_time(event->at_s), "what", word == NULL ? "unknown" : word,
                  "version", (json_int_t)event->version, "client", native_json_client(event->client));
    if (object == NULL) {
        return NULL;
    }
    set(object, "key_id", event->key_id == 0 ? json_null() : json_integer(event->key_id));
    if (event->text_len > 0) {
        bool many = event->kind == STORE_EVENT_VALUES_SET || event->kind == STORE_EVENT_PERSISTENT;
        const char *name = many ? "values" : event->kind == STORE_EVENT_SETTINGS ? "settings" : "value";
        set(object, name, json_stringn(event->text, event->text_len));
    }
    if (event->kind == STORE_EVENT_KEY_ADDED || event->kind == STORE_EVENT_KEY_REVOKED) {
        set(object, "subject_key_id", json_integer(event->subject));
    } else if (event->kind == STORE_EVENT_VALUES_SET || event->kind == STORE_EVENT_PERSISTENT) {
        set(object, "count", json_integer(event->subject));
    }
    return object;
}
