/* What is written of an edit: in the audit log, and the line of text that the history has too. */
#include "control/log.h"
#include "control/service_edits_internal.h"
#include "control/service_internal.h"

size_t service_edit_describe(const struct service_edit *edit, char *text, size_t capacity)
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
    case SERVICE_EDIT_VALUES:
    case SERVICE_EDIT_PERSISTENT:
        return log_text_len("values", text, service_edit_describe(&call->edit, text, CHANGE_TEXT_MAX));
    case SERVICE_EDIT_SETTINGS:
        return log_text_len("settings", text, service_edit_describe(&call->edit, text, CHANGE_TEXT_MAX));
    case SERVICE_EDIT_VALUE_REMOVE: return log_text_len("value", removed->text, removed->len);
    default: return (struct log_field){.key = NULL};
    }
}

void service_edit_log(const struct service_edit_call *call)
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
