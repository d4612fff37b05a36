#include "control/service_edits.h"

#include <stdlib.h>
#include <string.h>

#include "control/change_text.h"
#include "control/log.h"
#include "control/service_internal.h"
#include "storage/committer.h"

#define SECONDS_PER_MINUTE 60

_Static_assert(SERVICE_EDIT_EXPIRE + 1 == SERVICE_EDIT_KINDS, "each kind has a counter");

struct service_edit_call {
    struct change_request change; /* first: the committer hands back a pointer to it */
    struct service *service;
    struct service_rules *rules;
    const struct service_zone *zone; /* belongs to rules; NULL: txtd's own edit of a zone that is not served now */
    struct service_edit edit;
    uint8_t client[16];
    bool by_owner;                               /* else by the operator or txtd itself */
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1]; /* of the operator's token */
    uint8_t key_hash[CREDENTIALS_HASH_LEN];
    uint32_t key_id;
    char new_key[CREDENTIALS_KEY_LEN + 1];
    uint8_t new_key_hash[CREDENTIALS_HASH_LEN];
    uint32_t new_key_id;
    struct delegate_state delegate; /* after the edit; so is the account */
    struct store_account account;
    service_done_fn done;
    void *context;
    int result;
};

/* --- Making one --- */

static void one_less(struct service *service)
{
    (void)__atomic_sub_fetch(&service->counters.edits_under_way, 1, __ATOMIC_RELAXED);
}

int service_edit_new(struct service *service, struct service_edit_call **call)
{
    struct service_rules *rules = service_rules_hold(service);
    uint64_t under_way = __atomic_add_fetch(&service->counters.edits_under_way, 1, __ATOMIC_RELAXED);
    struct service_edit_call *made = under_way > rules->edits_max ? NULL : calloc(1, sizeof *made);
    if (made == NULL) {
        int code = under_way > rules->edits_max ? TXTD_EFULL : TXTD_ENOMEM;
        one_less(service);
        service_rules_release(rules);
        return service_count_refusal(service, code);
    }
    made->service = service;
    made->rules = rules;
    *call = made;
    return 0;
}

void service_edit_free(struct service_edit_call *call)
{
    if (call == NULL) {
        return;
    }
    struct service *service = call->service;
    service_rules_release(call->rules);
    explicit_bzero(call, sizeof *call);
    free(call);
    one_less(service);
}

struct service_edit *service_edit_of(struct service_edit_call *call)
{
    return &call->edit;
}

/* --- On the committer's thread --- */

static void record_event(const struct service_edit_call *call, struct change_state *state, uint8_t kind,
                         uint32_t subject, int64_t now_s)
{
    service_fill_event(state, kind, call->client, call->key_id, now_s);
    state->event.subject = subject;
}

/* What was set, as far as `capacity` goes. Returns its length. */
static size_t describe(const struct service_edit *edit, char *text, size_t capacity)
{
    switch (edit->kind) {
    case SERVICE_EDIT_SETTINGS:
        return change_text_settings(edit->sets_allowfrom ? edit->allowfrom : NULL, edit->allowfrom_count,
                                    edit->sets_note, text, capacity);
    case SERVICE_EDIT_VALUES: return change_text_values(&edit->wanted, text, capacity);
    case SERVICE_EDIT_PERSISTENT: return change_text_persistent(&edit->wanted, text, capacity);
    default: return 0;
    }
}

static void record_text(const struct service_edit_call *call, struct change_state *state)
{
    state->event.text_len = (uint8_t)describe(&call->edit, state->event.text, sizeof state->event.text);
}

static int edit_settings(const struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    const struct service_edit *edit = &call->edit;
    struct store_account *account = &state->account;
    if (edit->sets_allowfrom) {
        account->allowfrom_count = edit->allowfrom_count;
        memcpy(account->allowfrom, edit->allowfrom, edit->allowfrom_count * sizeof edit->allowfrom[0]);
    }
    if (edit->sets_note) {
        account->note_len = edit->note_len;
        memcpy(account->note, edit->note, edit->note_len);
    }
    state->write_account = true;
    record_event(call, state, STORE_EVENT_SETTINGS, 0, now_s);
    record_text(call, state);
    return 0;
}

static int edit_values(const struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    const struct delegate_state *wanted = &call->edit.wanted;
    struct delegate_state *delegate = &state->delegate;
    if (wanted->values_count > service_slots(&state->account, call->zone)) {
        return TXTD_EINVAL;
    }
    int64_t expiry_s = service_value_expiry_s(&state->account, call->zone);
    delegate->values_count = wanted->values_count;
    memcpy(delegate->values, wanted->values, wanted->values_count * sizeof wanted->values[0]);
    for (unsigned i = 0; i < delegate->values_count; i++) {
        delegate->values[i].set_at_s = now_s;
    }
    delegate->expires_at_s = expiry_s == 0 || delegate->values_count == 0 ? 0 : now_s + expiry_s;
    record_event(call, state, STORE_EVENT_VALUES_SET, delegate->values_count, now_s);
    record_text(call, state);
    return 0;
}

static int edit_value_remove(const struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    const struct delegate_value *value = &call->edit.wanted.values[0];
    struct delegate_state *delegate = &state->delegate;
    for (unsigned i = 0; i < delegate->values_count; i++) {
        if (delegate->values[i].len == value->len && memcmp(delegate->values[i].text, value->text, value->len) == 0) {
            delegate->values_count--;
            memmove(&delegate->values[i], &delegate->values[i + 1],
                    (delegate->values_count - i) * sizeof delegate->values[0]);
            record_event(call, state, STORE_EVENT_VALUE_REMOVED, 0, now_s);
            service_event_text(state, value->text, value->len);
            return 0;
        }
    }
    return TXTD_ENOTFOUND;
}

static int edit_persistent(const struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    const struct delegate_state *wanted = &call->edit.wanted;
    state->delegate.persistent_count = wanted->persistent_count;
    state->delegate.persistent_len = wanted->persistent_len;
    memcpy(state->delegate.persistent, wanted->persistent, wanted->persistent_len);
    record_event(call, state, STORE_EVENT_PERSISTENT, wanted->persistent_count, now_s);
    record_text(call, state);
    return 0;
}

/* An id is never given out twice, so that it names one key in every log and history. */
static uint32_t next_key_id(const struct store_account *account)
{
    uint32_t highest = store_account_highest_key_id(account);
    return (highest > account->last_key_id ? highest : account->last_key_id) + 1;
}

static int edit_key_add(struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    struct store_account *account = &state->account;
    if (account->keys_count == STORE_KEYS_MAX) {
        return TXTD_EEXISTS;
    }
    call->new_key_id = next_key_id(account);
    credentials_store_key(call->new_key_hash, call->new_key_id, now_s, &account->keys[account->keys_count++]);
    account->last_key_id = call->new_key_id;
    state->write_account = true;
    record_event(call, state, STORE_EVENT_KEY_ADDED, call->new_key_id, now_s);
    return 0;
}

static int edit_key_revoke(const struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    struct store_account *account = &state->account;
    for (unsigned i = 0; i < account->keys_count; i++) {
        if (account->keys[i].key_id != call->edit.key_id) {
            continue;
        }
        if (account->keys_count == 1) {
            return TXTD_EEXISTS;
        }
        account->last_key_id = next_key_id(account) - 1;
        state->revoked = account->keys[i];
        state->revoke = true;
        account->keys_count--;
        memmove(&account->keys[i], &account->keys[i + 1], (account->keys_count - i) * sizeof account->keys[0]);
        state->write_account = true;
        record_event(call, state, STORE_EVENT_KEY_REVOKED, call->edit.key_id, now_s);
        return 0;
    }
    return TXTD_ENOTFOUND;
}

/* Leaves tombstones: neither the name nor the username is ever given out again, and nothing that was the customer's is left. */
static int edit_delete(const struct service_edit_call *call, struct change_state *state, uint8_t event, int64_t now_s)
{
    struct store_account *account = &state->account;
    struct delegate_state *delegate = &state->delegate;
    delegate->deleted = true;
    delegate->disabled = false;
    delegate->values_count = 0;
    delegate->expires_at_s = 0;
    delegate->persistent_count = 0;
    delegate->persistent_len = 0;
    account->deleted = true;
    account->keys_count = 0;
    account->allowfrom_count = 0;
    account->note_len = 0;
    account->slots = 0;
    account->value_expiry_s = 0;
    account->last_key_id = 0;
    state->write_account = true;
    record_event(call, state, event, 0, now_s);
    return 0;
}

static int edit_disabled(const struct service_edit_call *call, struct change_state *state, bool disabled, int64_t now_s)
{
    state->delegate.disabled = disabled;
    record_event(call, state, disabled ? STORE_EVENT_DISABLED : STORE_EVENT_ENABLED, 0, now_s);
    return 0;
}

static bool is_expected(const struct service_edit *edit, uint64_t version)
{
    for (unsigned i = 0; i < edit->versions_count; i++) {
        if (edit->versions[i] == version) {
            return true;
        }
    }
    return false;
}

/* Whether the edit may be made of what is there now. */
static int check_state(const struct service_edit_call *call, const struct change_state *state)
{
    const struct delegate_state *delegate = &state->delegate;
    enum service_edit_kind kind = call->edit.kind;
    if (call->by_owner && !service_key_opens(&call->change, state, call->key_hash)) {
        return TXTD_EFORBIDDEN;
    }
    if (delegate->version == 0 || delegate->deleted) {
        return call->by_owner ? TXTD_EFORBIDDEN : TXTD_ENOTFOUND;
    }
    if (call->edit.expects_version && !is_expected(&call->edit, delegate->version)) {
        return TXTD_ECONFLICT;
    }
    /* What would not be served is not taken. */
    bool is_served =
        kind == SERVICE_EDIT_VALUES || kind == SERVICE_EDIT_VALUE_REMOVE || kind == SERVICE_EDIT_PERSISTENT;
    return is_served && delegate->disabled ? TXTD_EFORBIDDEN : 0;
}

static int apply(struct service_edit_call *call, struct change_state *state, int64_t now_s)
{
    switch (call->edit.kind) {
    case SERVICE_EDIT_SETTINGS: return edit_settings(call, state, now_s);
    case SERVICE_EDIT_VALUES: return edit_values(call, state, now_s);
    case SERVICE_EDIT_VALUE_REMOVE: return edit_value_remove(call, state, now_s);
    case SERVICE_EDIT_PERSISTENT: return edit_persistent(call, state, now_s);
    case SERVICE_EDIT_KEY_ADD: return edit_key_add(call, state, now_s);
    case SERVICE_EDIT_KEY_REVOKE: return edit_key_revoke(call, state, now_s);
    case SERVICE_EDIT_DELETE: return edit_delete(call, state, STORE_EVENT_DELETED, now_s);
    case SERVICE_EDIT_EXPIRE: return edit_delete(call, state, STORE_EVENT_EXPIRED, now_s);
    case SERVICE_EDIT_DISABLE: return edit_disabled(call, state, true, now_s);
    case SERVICE_EDIT_ENABLE: return edit_disabled(call, state, false, now_s);
    }
    return TXTD_EINVAL;
}

static int decide(struct change_request *request, struct change_state *state, int64_t now_s)
{
    struct service_edit_call *call = (struct service_edit_call *)request;
    int result = check_state(call, state);
    if (result == 0) {
        result = apply(call, state, now_s);
    }
    if (result == 0) {
        state->write_delegate = true;
        call->delegate = state->delegate;
        call->delegate.version++; /* as the committer will */
        if (request->wants_account) {
            call->account = state->account;
        }
    }
    return result;
}

static void complete(struct change_request *request, int result)
{
    struct service_edit_call *call = (struct service_edit_call *)request;
    call->result = result;
    call->done(call->context); /* the call may be gone now */
}

/* --- Preparing --- */

static int make_new_key(struct service_edit_call *call)
{
    int result = credentials_make_key(call->new_key);
    return result != 0 ? result : credentials_hash(call->new_key, CREDENTIALS_KEY_LEN, call->new_key_hash);
}

static void fill_change(struct service_edit_call *call, uint16_t zone, const struct delegate_id *delegate,
                        const struct delegate_id *username)
{
    call->change.zone = zone;
    call->change.delegate = *delegate;
    call->change.wants_account = username != NULL;
    if (username != NULL) {
        call->change.username = *username;
    }
    call->change.decide = decide;
    call->change.complete = complete;
    call->zone = service_rules_zone(call->rules, zone);
}

int service_edit_prepare(struct service_edit_call *call, const uint8_t client[16], const struct service_login *login,
                         unsigned *retry_after_s)
{
    const struct rate rate = {call->rules->rates.updates_per_minute, SECONDS_PER_MINUTE};
    const struct store_account *account = &login->account;
    int result = service_take(call->service, SERVICE_LIMIT_UPDATES, call->service->updates, rate,
                              account->username.octets, retry_after_s);
    if (result == 0) {
        memcpy(call->client, client, sizeof call->client);
        memcpy(call->key_hash, login->key_hash, sizeof call->key_hash);
        call->key_id = login->key_id;
        call->by_owner = true;
        fill_change(call, account->zone, &account->delegate, &account->username);
        result = call->zone == NULL ? TXTD_EUNSUPPORTED : 0;
    }
    if (result == 0 && call->edit.kind == SERVICE_EDIT_KEY_ADD) {
        result = make_new_key(call);
    }
    return service_count_refusal(call->service, result);
}

int service_edit_prepare_operator(struct service_edit_call *call, const uint8_t client[16],
                                  const char token_id[CREDENTIALS_TOKEN_ID_LEN + 1],
                                  const struct delegate_state *delegate, const struct delegate_id *username)
{
    memcpy(call->token_id, token_id, sizeof call->token_id);
    memcpy(call->client, client, sizeof call->client);
    fill_change(call, delegate->zone, &delegate->id, username);
    return service_count_refusal(call->service, call->zone == NULL ? TXTD_EUNSUPPORTED : 0);
}

int service_edit_prepare_expiry(struct service_edit_call *call, const struct store_account *account)
{
    fill_change(call, account->zone, &account->delegate, &account->username);
    return 0;
}

void service_edit_submit(struct service_edit_call *call, service_done_fn done, void *context)
{
    call->done = done;
    call->context = context;
    int result = committer_submit(call->service->parts.committer, &call->change);
    if (result != 0) {
        complete(&call->change, result);
    }
}

/* --- The result --- */

static const char *audit_word(enum service_edit_kind kind)
{
    static const char *const words[] = {
        [SERVICE_EDIT_SETTINGS] = "delegate.changed",
        [SERVICE_EDIT_VALUES] = "delegate.values_set",
        [SERVICE_EDIT_VALUE_REMOVE] = "delegate.value_removed",
        [SERVICE_EDIT_PERSISTENT] = "delegate.persistent_set",
        [SERVICE_EDIT_KEY_ADD] = "key.added",
        [SERVICE_EDIT_KEY_REVOKE] = "key.revoked",
        [SERVICE_EDIT_DELETE] = "delegate.deleted",
        [SERVICE_EDIT_DISABLE] = "delegate.disabled",
        [SERVICE_EDIT_ENABLE] = "delegate.enabled",
        [SERVICE_EDIT_EXPIRE] = "delegate.expired",
    };
    return words[kind];
}

/* What the edit was about: how many values, which key. */
static uint64_t audit_subject(const struct service_edit_call *call)
{
    switch (call->edit.kind) {
    case SERVICE_EDIT_VALUES: return call->delegate.values_count;
    case SERVICE_EDIT_PERSISTENT: return call->delegate.persistent_count;
    case SERVICE_EDIT_KEY_ADD: return call->new_key_id;
    case SERVICE_EDIT_KEY_REVOKE: return call->edit.key_id;
    default: return 0;
    }
}

/* The field that says what was set; it is the last, for it is what may be cut. */
static struct log_field audit_text(const struct service_edit_call *call, char text[CHANGE_TEXT_MAX])
{
    const struct delegate_value *removed = &call->edit.wanted.values[0];
    switch (call->edit.kind) {
    case SERVICE_EDIT_VALUES: return log_text_len("values", text, describe(&call->edit, text, CHANGE_TEXT_MAX));
    case SERVICE_EDIT_PERSISTENT: return log_text_len("values", text, describe(&call->edit, text, CHANGE_TEXT_MAX));
    case SERVICE_EDIT_SETTINGS: return log_text_len("settings", text, describe(&call->edit, text, CHANGE_TEXT_MAX));
    case SERVICE_EDIT_VALUE_REMOVE: return log_text_len("value", removed->text, removed->len);
    default: return (struct log_field){.key = NULL};
    }
}

static void log_edit(const struct service_edit_call *call)
{
    char delegate[DELEGATE_ID_TEXT_LEN + 1], username[DELEGATE_ID_TEXT_LEN + 1] = "", client[SERVICE_CLIENT_TEXT_MAX];
    char text[CHANGE_TEXT_MAX];
    struct log *log = call->service->parts.log;
    if (!log_audit_enabled(log)) {
        return;
    }
    delegate_id_format(&call->change.delegate, delegate);
    if (call->change.wants_account) {
        delegate_id_format(&call->change.username, username);
    }
    service_format_client(call->client, client);
    bool from_within = call->edit.kind == SERVICE_EDIT_EXPIRE;
    log_audit(log, audit_word(call->edit.kind), log_text("delegate", delegate),
              log_text("zone", call->zone == NULL ? "" : call->zone->name), log_text("account", username),
              log_text("by", call->by_owner ? "account"
                             : from_within  ? "txtd"
                                            : "operator"),
              log_text("token", call->token_id), log_uint("key_id", call->key_id),
              log_text("client", from_within ? "" : client), log_uint("subject", audit_subject(call)),
              log_uint("revision", call->change.revision), audit_text(call, text));
}

int service_edit_result(struct service_edit_call *call)
{
    if (call->result == 0) {
        log_edit(call);
        service_count(call->service, edits[call->edit.kind]);
    }
    return service_count_refusal(call->service, call->result);
}

/* --- What it made --- */

const struct delegate_state *service_edit_delegate(const struct service_edit_call *call)
{
    return &call->delegate;
}

const struct store_account *service_edit_account(const struct service_edit_call *call)
{
    return call->change.wants_account ? &call->account : NULL;
}

const char *service_edit_key(const struct service_edit_call *call, uint32_t *key_id)
{
    *key_id = call->new_key_id;
    return call->new_key;
}

enum service_edit_kind service_edit_kind(const struct service_edit_call *call)
{
    return call->edit.kind;
}

const struct service_rules *service_edit_rules(const struct service_edit_call *call)
{
    return call->rules;
}
