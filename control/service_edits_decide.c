/* What an edit does, on the committer's thread. */
#include <string.h>

#include "control/service_edits_internal.h"
#include "control/service_internal.h"
#include "storage/burial.h"

static void record_event(const struct service_edit_call *call, struct change_state *state, uint8_t kind,
                         uint32_t subject, int64_t now_s)
{
    service_fill_event(state, kind, call->client, call->key_id, now_s);
    state->event.subject = subject;
}

static void record_text(const struct service_edit_call *call, struct change_state *state)
{
    state->event.text_len = (uint8_t)service_edit_describe(&call->edit, state->event.text, sizeof state->event.text);
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

static int edit_delete(const struct service_edit_call *call, struct change_state *state, uint8_t event, int64_t now_s)
{
    delegate_bury(&state->delegate);
    account_bury(&state->account);
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

int service_edit_decide(struct change_request *request, struct change_state *state, int64_t now_s)
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
