/* The calls that change a delegate. */
#include <stdlib.h>
#include <string.h>

#include "control/api_path.h"
#include "control/native_internal.h"

#define METHODS_ALL "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

static void wake(void *context)
{
    http_exchange_wake(context);
}

/* --- If-Match (RFC 9110 section 13.1.1) --- */

/* The number of a strong tag that is one of ours: "7", written in no other way. */
static bool version_of(struct http_text tag, uint64_t *version)
{
    *version = 0;
    if (tag.len > 1 && tag.data[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < tag.len; i++) {
        unsigned digit = (unsigned char)tag.data[i] - (unsigned)'0';
        if (digit > 9 || *version > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *version = *version * 10 + digit;
    }
    return tag.len > 0;
}

static void step(struct http_text *rest, size_t len)
{
    rest->data += len;
    rest->len -= len;
}

static void skip(struct http_text *rest, const char *characters)
{
    while (rest->len > 0 && strchr(characters, rest->data[0]) != NULL && rest->data[0] != '\0') {
        step(rest, 1);
    }
}

/* Steps over one tag, and what stands behind it up to the next. *tag is what stands between the quotes, absent for a weak tag. Returns
 * false where the list is broken. */
static bool next_tag(struct http_text *rest, struct http_text *tag)
{
    bool is_weak = rest->len > 2 && memcmp(rest->data, "W/", 2) == 0;
    step(rest, is_weak ? 2 : 0);
    const char *end = rest->len < 2 || rest->data[0] != '"' ? NULL : memchr(rest->data + 1, '"', rest->len - 1);
    if (end == NULL) {
        return false;
    }
    *tag = is_weak ? (struct http_text){NULL, 0} : (struct http_text){rest->data + 1, (size_t)(end - rest->data - 1)};
    step(rest, (size_t)(end + 1 - rest->data));
    skip(rest, " \t");
    bool goes_on = rest->len == 0 || rest->data[0] == ',';
    skip(rest, ", \t");
    return goes_on;
}

/* Notes the versions that the delegate may have: none, when the list is broken, for what is not understood must not let a change
 * through. Tags are compared strongly, so that a weak one never matches. */
static void read_if_match(struct http_text header, struct service_edit *edit)
{
    struct http_text tag;
    if (header.data == NULL || http_text_is(header, "*")) {
        return;
    }
    edit->expects_version = true;
    skip(&header, ", \t");
    while (header.len > 0) {
        if (!next_tag(&header, &tag)) {
            edit->versions_count = 0;
            return;
        }
        if (edit->versions_count < SERVICE_EDIT_VERSIONS_MAX) {
            edit->versions_count += version_of(tag, &edit->versions[edit->versions_count]);
        }
    }
}

/* --- Handing an edit over --- */

/* Finds the delegate that the operator names. */
static int operator_target(struct native_request *request, struct delegate_state *delegate)
{
    struct delegate_id id;
    struct http_text name = request->arguments[0];
    return delegate_id_parse(name.data, name.len, &id) != 0
               ? TXTD_ENOTFOUND
               : service_find_delegate(request->service, request->api.rules, &id, delegate);
}

struct service_edit_call *native_edit_begin(struct native_request *request, enum service_edit_kind kind)
{
    struct service_edit_call *call;
    int code = service_edit_new(request->service, &call);
    if (code != 0) {
        api_answer_code(&request->api, code, 0);
        return NULL;
    }
    struct service_edit *edit = service_edit_of(call);
    edit->kind = kind;
    read_if_match(http_exchange_header_lines(request->api.exchange, "if-match"), edit);
    return call;
}

static void answer_conflict(const struct api_request *api, enum service_edit_kind kind)
{
    if (kind == SERVICE_EDIT_KEY_ADD) {
        api_answer_error(api, 409, "too_many_keys", "there are four keys; revoke one first");
    } else {
        api_answer_error(api, 409, "last_key", "the last key cannot be revoked; add another first");
    }
}

static void answer_new_key(const struct api_request *api, const struct service_edit_call *call)
{
    uint32_t key_id;
    const char *key = service_edit_key(call, &key_id);
    api_answer_tagged(api, 201, json_pack("{s:I, s:s}", "key_id", (json_int_t)key_id, "key", key),
                      service_edit_delegate(call)->version);
}

static void answer_done(const struct api_request *api, const struct service_edit_call *call)
{
    const struct delegate_state *delegate = service_edit_delegate(call);
    switch (service_edit_kind(call)) {
    case SERVICE_EDIT_KEY_ADD: answer_new_key(api, call); return;
    case SERVICE_EDIT_KEY_REVOKE:
    case SERVICE_EDIT_DELETE: api_answer_text(api, 204, "", 0); return;
    default: break;
    }
    const struct native_view view = {.account = service_edit_account(call),
                                     .delegate = delegate,
                                     .zone = service_rules_zone(service_edit_rules(call), delegate->zone)};
    native_answer_view(api, &view);
}

static void edit_done(void *context, struct http_exchange *exchange)
{
    struct service_edit_call *call = context;
    struct api_request api = {exchange, service_edit_rules(call), METHODS_ALL, true};
    int code = service_edit_result(call);
    switch (code) {
    case 0: answer_done(&api, call); break;
    case TXTD_ECONFLICT:
        api_answer_error(&api, 412, "precondition_failed", "the delegate was changed meanwhile; look at it again");
        break;
    case TXTD_EEXISTS: answer_conflict(&api, service_edit_kind(call)); break;
    case TXTD_EINVAL:
        api_answer_error(&api, 400, "too_many_values", "there are more values than the delegate has slots");
        break;
    default: api_answer_code(&api, code, 0);
    }
    service_edit_free(call);
}

/* What an operator's edit may lack: an account that is to be changed, and is not known. */
static bool lacks_account(struct service_edit_call *call, const struct store_account *account)
{
    return account == NULL && service_edit_of(call)->kind == SERVICE_EDIT_SETTINGS;
}

void native_edit_go(struct native_request *request, struct service_edit_call *call)
{
    struct delegate_state delegate;
    const struct store_account *account = NULL;
    unsigned retry_after_s = 0;
    int code;
    if (request->by_operator) {
        code = operator_target(request, &delegate);
        code = code == 0 ? native_find_account(request, &delegate, &account) : code;
        if (code == 0 && lacks_account(call, account)) {
            service_edit_free(call);
            api_answer_error(&request->api, 404, "unknown_account",
                             "whose delegate this is was not kept: it was imported");
            return;
        }
        if (code == 0) {
            code = service_edit_prepare_operator(call, request->client, request->token_id, &delegate,
                                                 account == NULL ? NULL : &account->username);
        }
    } else {
        code = service_edit_prepare(call, request->client, &request->login, &retry_after_s);
    }
    if (code != 0) {
        service_edit_free(call);
        api_answer_code(&request->api, code, retry_after_s);
        return;
    }
    http_exchange_keep(request->api.exchange, edit_done, call);
    service_edit_submit(call, wake, request->api.exchange);
}

/* --- The handlers --- */

typedef int (*read_body_fn)(struct http_text, struct service_edit *, struct native_fault *);

/* An edit with a body, when it is known who asks. */
static void edit_logged_in(struct native_request *request, enum service_edit_kind kind, read_body_fn read)
{
    struct native_fault fault;
    struct service_edit_call *call = native_edit_begin(request, kind);
    if (call == NULL) {
        return;
    }
    if (read(http_exchange_body(request->api.exchange), service_edit_of(call), &fault) != 0) {
        service_edit_free(call);
        native_answer_fault(request, &fault);
        return;
    }
    native_edit_go(request, call);
}

static void edit_by_body(struct native_request *request, enum service_edit_kind kind, read_body_fn read)
{
    if (native_login(request)) {
        edit_logged_in(request, kind, read);
    }
}

static void edit_plainly(struct native_request *request, enum service_edit_kind kind)
{
    struct service_edit_call *call = native_login(request) ? native_edit_begin(request, kind) : NULL;
    if (call != NULL) {
        native_edit_go(request, call);
    }
}

/* The operator may let a customer in again who has shut everybody out, but the note is the customer's own. */
static int read_allowfrom_only(struct http_text body, struct service_edit *edit, struct native_fault *fault)
{
    int result = native_json_settings(body, edit, fault);
    if (result == 0 && edit->sets_note) {
        *fault =
            (struct native_fault){"invalid_note", "the note is the customer's; the operator changes allowfrom only"};
        return TXTD_EINVAL;
    }
    return result;
}

void native_change(struct native_request *request)
{
    if (native_login_any(request)) {
        edit_logged_in(request, SERVICE_EDIT_SETTINGS,
                       request->by_operator ? read_allowfrom_only : native_json_settings);
    }
}

void native_delete(struct native_request *request)
{
    edit_plainly(request, SERVICE_EDIT_DELETE);
}

void native_set_values(struct native_request *request)
{
    edit_by_body(request, SERVICE_EDIT_VALUES, native_json_values);
}

void native_clear_values(struct native_request *request)
{
    edit_plainly(request, SERVICE_EDIT_VALUES);
}

void native_set_persistent(struct native_request *request)
{
    edit_by_body(request, SERVICE_EDIT_PERSISTENT, native_json_persistent);
}

void native_add_key(struct native_request *request)
{
    edit_plainly(request, SERVICE_EDIT_KEY_ADD);
}

void native_remove_value(struct native_request *request)
{
    char text[DELEGATE_VALUE_LEN_MAX + 1];
    if (!native_login(request)) {
        return;
    }
    int len = native_decode(request->arguments[1], false, text, sizeof text);
    if (len <= 0 || !native_json_value_valid(text, (size_t)len)) {
        api_answer_code(&request->api, TXTD_ENOTFOUND, 0); /* no value can be that */
        return;
    }
    struct service_edit_call *call = native_edit_begin(request, SERVICE_EDIT_VALUE_REMOVE);
    if (call != NULL) {
        struct delegate_value *value = &service_edit_of(call)->wanted.values[0];
        value->len = (uint8_t)len;
        memcpy(value->text, text, (size_t)len);
        native_edit_go(request, call);
    }
}

void native_revoke_key(struct native_request *request)
{
    char text[12];
    char *end;
    if (!native_login(request)) {
        return;
    }
    int len = native_decode(request->arguments[1], false, text, sizeof text);
    unsigned long number = len > 0 && text[0] >= '1' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    if (number == 0 || number > UINT32_MAX || *end != '\0') {
        api_answer_code(&request->api, TXTD_ENOTFOUND, 0);
        return;
    }
    struct service_edit_call *call = native_edit_begin(request, SERVICE_EDIT_KEY_REVOKE);
    if (call != NULL) {
        service_edit_of(call)->key_id = (uint32_t)number;
        native_edit_go(request, call);
    }
}
