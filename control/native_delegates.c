/* The calls that make a delegate and look at it. */
#include <string.h>
#include <strings.h>

#include "control/api_credentials.h"
#include "control/native_internal.h"
#include "control/setup_records.h"

#define METHODS_REGISTER "GET, HEAD, POST, OPTIONS"

/* --- Helpers --- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int native_decode(struct http_text from, bool plus, char *text, size_t capacity)
{
    size_t len = 0;
    for (size_t i = 0; i < from.len; i++) {
        char c = from.data[i];
        if (c == '%') {
            int high = from.len - i > 2 ? hex_digit(from.data[i + 1]) : -1;
            int low = from.len - i > 2 ? hex_digit(from.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (len + 1 >= capacity || c == '\0') {
            return -1;
        }
        text[len++] = c;
    }
    text[len] = '\0';
    return (int)len;
}

int native_query(const struct http_exchange *exchange, const char *name, char *text, size_t capacity)
{
    struct http_text query = http_exchange_query(exchange);
    size_t name_len = strlen(name);
    for (size_t at = 0; query.data != NULL && at < query.len;) {
        const char *begin = query.data + at;
        const char *end = memchr(begin, '&', query.len - at);
        size_t len = end == NULL ? query.len - at : (size_t)(end - begin);
        if (len > name_len && memcmp(begin, name, name_len) == 0 && begin[name_len] == '=') {
            int decoded =
                native_decode((struct http_text){begin + name_len + 1, len - name_len - 1}, true, text, capacity);
            return decoded < 0 ? TXTD_EINVAL : decoded;
        }
        at += len + 1;
    }
    return TXTD_ENOTFOUND;
}

void native_answer_fault(const struct native_request *request, const struct native_fault *fault)
{
    api_answer_invalid(&request->api, request->service, fault->word, fault->detail);
}

void native_answer_view(const struct api_request *api, const struct native_view *view)
{
    api_answer_tagged(api, 200, native_json_delegate(view), view->delegate->version);
}

/* --- POST /delegates --- */

static json_t *registered_json(const struct service_call *call)
{
    char username[DELEGATE_ID_TEXT_LEN + 1];
    struct service_registered registered;
    const struct store_account *account = service_call_account(call);
    service_call_registered(call, &registered);
    const struct delegate_state delegate = {.id = account->delegate, .zone = account->zone, .version = 1};
    const struct native_view view = {
        .account = account, .delegate = &delegate, .zone = service_rules_zone(service_call_rules(call), account->zone)};
    delegate_id_format(&account->username, username);
    json_t *object = native_json_delegate(&view);
    if (object != NULL) {
        (void)json_object_set_new(object, "username", json_string(username));
        (void)json_object_set_new(object, "key", json_string(registered.key));
        (void)json_object_set_new(object, "key_id", json_integer(account->keys[0].key_id));
        (void)json_object_set_new(object, "server_url", json_string(registered.server_url));
    }
    return object;
}

static void registration_done(void *context, struct http_exchange *exchange)
{
    struct service_call *call = context;
    struct api_request api = {exchange, service_call_rules(call), METHODS_REGISTER, true};
    int code = service_call_result(call);
    if (code == 0) {
        api_answer_tagged(&api, 201, registered_json(call), 1);
    } else {
        api_answer_code(&api, code, 0);
    }
    service_call_free(call);
}

static void wake(void *context)
{
    http_exchange_wake(context);
}

/* A zone's slots and expiry bound what strangers may have kept in memory, and for how long; the operator decides otherwise. */
static int check_bounds(const struct service_rules *rules, const struct service_registration *registration,
                        struct native_fault *fault)
{
    const struct service_zone *zone =
        registration->zone == 0 ? &rules->zones[0] : service_rules_zone(rules, registration->zone);
    int64_t expiry_s = registration->value_expiry_s;
    if (registration->by_operator || zone == NULL) {
        return 0;
    }
    if (registration->slots > zone->slots) {
        *fault = (struct native_fault){"invalid_slots", "the zone has fewer slots; only the operator may give more"};
        return TXTD_EINVAL;
    }
    if (zone->value_expiry_s > 0 && (expiry_s == STORE_VALUE_EXPIRY_NEVER || expiry_s > zone->value_expiry_s)) {
        *fault = (struct native_fault){"invalid_value_expiry",
                                       "the zone's values expire sooner; only the operator may keep them longer"};
        return TXTD_EINVAL;
    }
    return 0;
}

void native_register(struct native_request *request)
{
    struct service_registration registration;
    struct native_fault fault;
    struct service_call *call;
    struct api_credentials basic;
    struct http_text bearer;
    unsigned retry_after_s = 0;
    if (native_bearer(request->api.exchange, &bearer) && !native_login_operator(request)) {
        return;
    }
    if (native_json_registration(http_exchange_body(request->api.exchange), request->api.rules, &registration,
                                 &fault) != 0) {
        native_answer_fault(request, &fault);
        return;
    }
    registration.by_operator = request->by_operator;
    memcpy(registration.token_id, request->token_id, sizeof registration.token_id);
    if (check_bounds(request->api.rules, &registration, &fault) != 0) {
        native_answer_fault(request, &fault);
        return;
    }
    struct http_text token =
        api_credentials_registration_token(request->api.exchange, request->api.rules, request->token, &basic);
    int code = service_prepare_registration(request->service, request->client, token.data, token.len, &registration,
                                            &call, &retry_after_s);
    api_credentials_wipe(&basic);
    if (code != 0) {
        api_answer_code(&request->api, code, retry_after_s);
        return;
    }
    http_exchange_keep(request->api.exchange, registration_done, call);
    service_submit(call, wake, request->api.exchange);
}

/* --- Looking at one --- */

/* Reads the delegate that the request is about. Answers and returns NULL when there is none, or its zone is not served. */
static const struct service_zone *read_delegate(struct native_request *request, struct delegate_state *delegate)
{
    struct delegate_id id;
    struct http_text name = request->arguments[0];
    int code;
    if (!request->by_operator) {
        code = service_read_delegate(request->service, &request->login, delegate);
    } else if (delegate_id_parse(name.data, name.len, &id) != 0) {
        code = TXTD_ENOTFOUND;
    } else {
        code = service_find_delegate(request->service, request->api.rules, &id, delegate);
    }
    const struct service_zone *zone = code == 0 ? service_rules_zone(request->api.rules, delegate->zone) : NULL;
    if (code == 0 && zone == NULL) {
        code = TXTD_EUNSUPPORTED;
    }
    if (code != 0) {
        api_answer_code(&request->api, code, 0);
    }
    return zone;
}

int native_find_account(struct native_request *request, const struct delegate_state *delegate,
                        const struct store_account **account)
{
    struct store_account *found = &request->login.account;
    int code = request->by_operator ? service_find_account(request->service, delegate, found) : 0;
    *account = code == 0 ? found : NULL;
    return code == TXTD_ENOTFOUND ? 0 : code;
}

void native_get(struct native_request *request)
{
    struct delegate_state delegate;
    struct store_event events[STORE_HISTORY_MAX];
    struct store_usage usage;
    const struct store_account *account = NULL;
    unsigned count = 0;
    const struct service_zone *zone = native_login_any(request) ? read_delegate(request, &delegate) : NULL;
    if (zone == NULL) {
        return;
    }
    int code = service_read_history(request->service, &delegate, events, &count, &usage);
    code = code == 0 ? native_find_account(request, &delegate, &account) : code;
    if (code != 0) {
        api_answer_code(&request->api, code, 0);
        return;
    }
    const struct native_view view = {.account = account,
                                     .delegate = &delegate,
                                     .zone = zone,
                                     .events = events,
                                     .events_count = count,
                                     .usage = &usage};
    native_answer_view(&request->api, &view);
}

void native_history(struct native_request *request)
{
    struct delegate_state delegate;
    struct store_event events[STORE_HISTORY_MAX];
    const struct store_account *account = NULL;
    unsigned count = 0;
    if (!native_login_any(request) || read_delegate(request, &delegate) == NULL) {
        return;
    }
    int code = service_read_history(request->service, &delegate, events, &count, NULL);
    code = code == 0 ? native_find_account(request, &delegate, &account) : code;
    if (code != 0) {
        api_answer_code(&request->api, code, 0);
        return;
    }
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        (void)json_array_append_new(list, native_json_event(&events[i]));
    }
    /* Registering has no event of its own: an idle delegate takes no room in the history. */
    json_t *created = account == NULL ? json_null() : native_json_time(account->created_s);
    api_answer_json(&request->api, 200, json_pack("{s:o, s:o}", "created_at", created, "events", list));
}

/* --- GET /delegates/{id}/setup --- */

static int read_question(const struct native_request *request, struct setup_question *question,
                         struct native_fault *fault)
{
    char text[SETUP_ACCOUNT_URL_MAX + 1];
    int len = native_query(request->api.exchange, "domain", text, sizeof text);
    memset(question, 0, sizeof *question);
    if (len < 0 || setup_question_domain(question, text, (size_t)len) != 0) {
        *fault = (struct native_fault){"invalid_domain", "domain must be the name that certificates are wanted for"};
        return TXTD_EINVAL;
    }
    len = native_query(request->api.exchange, "account_url", text, sizeof text);
    if (len != TXTD_ENOTFOUND && (len < 0 || setup_question_account_url(question, text, (size_t)len) != 0)) {
        *fault = (struct native_fault){"invalid_account_url", "account_url must be the https URL of an ACME account"};
        return TXTD_EINVAL;
    }
    len = native_query(request->api.exchange, "issuer", text, sizeof text);
    if (len != TXTD_ENOTFOUND && (len < 0 || setup_question_issuer(question, text, (size_t)len) != 0)) {
        *fault = (struct native_fault){"invalid_issuer", "issuer must be the domain that the authority has for CAA"};
        return TXTD_EINVAL;
    }
    return 0;
}

static json_t *records_json(const struct setup_record records[], int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        const struct setup_record *record = &records[i];
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s, s:s, s:s, s:s+++++}", "purpose", record->purpose, "name",
                                              record->name, "type", record->type, "value", record->value, "line",
                                              record->name, " IN ", record->type, " ", record->value, ""));
    }
    return list;
}

void native_setup(struct native_request *request)
{
    struct delegate_state delegate;
    struct setup_question question;
    struct setup_record records[SETUP_RECORDS_MAX];
    struct native_fault fault;
    char fulldomain[DELEGATE_ID_TEXT_LEN + 1 + STORE_ZONE_NAME_MAX];
    const struct service_zone *zone = native_login_any(request) ? read_delegate(request, &delegate) : NULL;
    if (zone == NULL) {
        return;
    }
    if (read_question(request, &question, &fault) != 0) {
        native_answer_fault(request, &fault);
        return;
    }
    delegate_id_format(&delegate.id, fulldomain);
    fulldomain[DELEGATE_ID_TEXT_LEN] = '.';
    (void)snprintf(fulldomain + DELEGATE_ID_TEXT_LEN + 1, STORE_ZONE_NAME_MAX, "%s", zone->name);
    question.fulldomain = fulldomain;
    question.persistent = delegate.persistent_count > 0;
    int count = setup_records_make(&question, records);
    if (count == TXTD_EINVAL) {
        api_answer_invalid(&request->api, request->service, "invalid_domain",
                           "the names of its records would be longer than 253 characters");
        return;
    }
    if (count < 0) {
        api_answer_code(&request->api, count, 0);
        return;
    }
    api_answer_json(&request->api, 200,
                    json_pack("{s:s, s:s, s:o}", "domain", question.domain, "fulldomain", fulldomain, "records",
                              records_json(records, count)));
}
