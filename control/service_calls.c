/* The changes of the service: a bounded pool of calls, and for each kind what is decided on the committer's thread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/change_text.h"
#include "control/log.h"
#include "control/rotation.h"
#include "control/service_internal.h"
#include "storage/committer.h"

#define FIRST_KEY_ID 1

struct service_call {
    struct change_request change; /* first: the committer hands back a pointer to it */
    struct service *service;
    struct service_rules *rules;                 /* of when the call was prepared */
    const struct service_zone *zone;             /* belongs to rules */
    bool registers;                              /* else updates */
    bool has_room;                               /* service_take_room */
    const char *by;                              /* who registers, for the audit log: a constant */
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1]; /* of the token that this took; or empty */
    uint8_t client[16];
    struct store_account account; /* the new one; or the one that logged in */
    uint8_t key_hash[CREDENTIALS_HASH_LEN];
    uint32_t key_id;
    union {
        char key[CREDENTIALS_KEY_LEN + 1];      /* of a registration */
        char value[DELEGATE_VALUE_LEN_MAX + 1]; /* of an update */
    };
    size_t value_len;
    service_done_fn done;
    void *context;
    int result;
    struct service_call *next_free;
};

/* --- The pool --- */

int service_calls_new(struct service *service, unsigned calls_max)
{
    /* Not touched before it is needed, so a large bound costs address space only. */
    service->calls = calloc(calls_max, sizeof *service->calls);
    service->calls_max = calls_max;
    return service->calls == NULL ? TXTD_ENOMEM : 0;
}

void service_calls_free(struct service *service)
{
    /* Whoever waited for these is gone: the HTTP server was stopped before their answer came. */
    for (unsigned i = 0; i < service->calls_used; i++) {
        service_rules_release(service->calls[i].rules);
        explicit_bzero(&service->calls[i], sizeof service->calls[i]);
    }
    free(service->calls);
}

/* Once the store counts the delegate, or there will be none. */
static void give_room_back(struct service_call *call)
{
    if (call->has_room) {
        call->has_room = false;
        service_give_room_back(call->service);
    }
}

static struct service_call *take_call(struct service *service)
{
    pthread_mutex_lock(&service->calls_lock);
    struct service_call *call = service->calls_free;
    if (call != NULL) {
        service->calls_free = call->next_free;
    } else if (service->calls_used < service->calls_max) {
        call = &service->calls[service->calls_used++];
    }
    pthread_mutex_unlock(&service->calls_lock);
    if (call != NULL) {
        service_count(service, calls);
        call->service = service;
    }
    return call;
}

void service_call_free(struct service_call *call)
{
    struct service *service = call->service;
    give_room_back(call);
    service_rules_release(call->rules);
    explicit_bzero(call, sizeof *call);
    pthread_mutex_lock(&service->calls_lock);
    call->next_free = service->calls_free;
    service->calls_free = call;
    pthread_mutex_unlock(&service->calls_lock);
    (void)__atomic_sub_fetch(&service->counters.calls, 1, __ATOMIC_RELAXED);
}

/* --- On the committer's thread --- */

bool service_key_opens(const struct change_request *request, const struct change_state *state,
                       const uint8_t key_hash[CREDENTIALS_HASH_LEN])
{
    const struct store_account *account = &state->account;
    return account->version != 0 && account->zone == request->zone &&
           memcmp(&account->delegate, &request->delegate, sizeof account->delegate) == 0 &&
           credentials_match(account, key_hash, NULL);
}

unsigned service_slots(const struct store_account *account, const struct service_zone *zone)
{
    return account->slots >= 1 && account->slots <= DELEGATE_VALUES_MAX ? account->slots : zone->slots;
}

int64_t service_value_expiry_s(const struct store_account *account, const struct service_zone *zone)
{
    if (account->value_expiry_s == STORE_VALUE_EXPIRY_NEVER) {
        return 0;
    }
    return account->value_expiry_s > 0 ? account->value_expiry_s : zone->value_expiry_s;
}

void service_fill_event(struct change_state *state, uint8_t kind, const uint8_t client[16], uint32_t key_id,
                        int64_t now_s)
{
    struct store_event *event = &state->event;
    state->write_event = true;
    event->kind = kind;
    event->at_s = now_s;
    event->key_id = key_id;
    event->subject = 0;
    memcpy(event->client, client, sizeof event->client);
    event->text_len = 0;
}

void service_event_text(struct change_state *state, const char *text, size_t len)
{
    state->event.text_len = (uint8_t)len;
    memcpy(state->event.text, text, len);
}

/* A new delegate without values, and its account. */
static int decide_registration(struct change_request *request, struct change_state *state, int64_t now_s)
{
    struct service_call *call = (struct service_call *)request;
    if (state->delegate.version != 0 || state->account.version != 0) {
        return TXTD_EEXISTS;
    }
    state->delegate.id = request->delegate;
    state->delegate.zone = request->zone;
    call->account.created_s = now_s;
    credentials_store_key(call->key_hash, call->key_id, now_s, &call->account.keys[0]);
    call->account.keys_count = 1;
    state->account = call->account;
    state->write_delegate = true;
    state->write_account = true;
    return 0;
}

/* What was true at the login is asked again: a key may have been revoked, the delegate deleted while the request waited. */
static int decide_update(struct change_request *request, struct change_state *state, int64_t now_s)
{
    struct service_call *call = (struct service_call *)request;
    const struct store_account *account = &state->account;
    if (!service_key_opens(request, state, call->key_hash)) {
        return TXTD_EFORBIDDEN;
    }
    /* Disabled by the operator: the value would not be served, so success would be a lie. */
    if (state->delegate.version == 0 || state->delegate.deleted || state->delegate.disabled) {
        return TXTD_EFORBIDDEN;
    }
    int result = rotation_apply(&state->delegate, service_slots(account, call->zone),
                                service_value_expiry_s(account, call->zone), call->value, call->value_len, now_s);
    if (result == 0) {
        state->write_delegate = true;
        service_fill_event(state, STORE_EVENT_UPDATED, call->client, call->key_id, now_s);
        service_event_text(state, call->value, call->value_len);
    }
    return result;
}

static void complete(struct change_request *request, int result)
{
    struct service_call *call = (struct service_call *)request;
    give_room_back(call);
    call->result = result;
    call->done(call->context); /* the call may be gone now */
}

/* --- Preparing --- */

static int fill_registration(struct service_call *call, const struct service_registration *registration)
{
    struct store_account *account = &call->account;
    call->registers = true;
    call->zone = registration->zone == 0 ? &call->rules->zones[0] : service_rules_zone(call->rules, registration->zone);
    if (call->zone == NULL) {
        return TXTD_EUNSUPPORTED;
    }
    call->key_id = FIRST_KEY_ID;
    account->zone = call->zone->number;
    account->allowfrom_count = (uint8_t)registration->allowfrom_count;
    memcpy(account->allowfrom, registration->allowfrom, registration->allowfrom_count * sizeof account->allowfrom[0]);
    account->slots = registration->slots;
    account->value_expiry_s = registration->value_expiry_s;
    account->note_len = registration->note_len;
    memcpy(account->note, registration->note, registration->note_len);

    const uint8_t *secret = call->service->parts.secret;
    int result = credentials_make_id(&account->delegate);
    if (result == 0) {
        result = secret == NULL ? credentials_make_id(&account->username)
                                : credentials_make_username(secret, &account->delegate, &account->username);
    }
    if (result == 0) {
        result = credentials_make_key(call->key);
    }
    if (result == 0) {
        result = credentials_hash(call->key, CREDENTIALS_KEY_LEN, call->key_hash);
    }
    call->change.decide = decide_registration;
    return result;
}

static int fill_update(struct service_call *call, const struct service_login *login, const char *value,
                       size_t value_len)
{
    call->zone = service_rules_zone(call->rules, login->account.zone);
    if (call->zone == NULL) {
        return TXTD_EUNSUPPORTED;
    }
    call->account = login->account;
    call->key_id = login->key_id;
    memcpy(call->key_hash, login->key_hash, sizeof call->key_hash);
    memcpy(call->value, value, value_len);
    call->value[value_len] = '\0';
    call->value_len = value_len;
    call->change.decide = decide_update;
    return 0;
}

/* Takes a call, or TXTD_EFULL. The call holds the rules from now on. */
static int begin_call(struct service *service, struct service_rules *rules, const uint8_t client[16],
                      struct service_call **call)
{
    *call = take_call(service);
    if (*call == NULL) {
        return TXTD_EFULL;
    }
    service_rules_retain(rules);
    (*call)->rules = rules;
    memcpy((*call)->client, client, sizeof(*call)->client);
    return 0;
}

static int end_prepare(struct service_call *call, int result)
{
    if (result != 0) {
        service_call_free(call);
        return result;
    }
    call->change.zone = call->account.zone;
    call->change.delegate = call->account.delegate;
    call->change.username = call->account.username;
    call->change.wants_account = true;
    call->change.complete = complete;
    return 0;
}

int service_prepare_registration(struct service *service, const uint8_t client[16], const char *token, size_t token_len,
                                 const struct service_registration *registration, struct service_call **call,
                                 unsigned *retry_after_s)
{
    struct service_rules *rules = service_rules_hold(service);
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1] = "";
    if (registration->by_operator) {
        memcpy(token_id, registration->token_id, sizeof token_id);
    }
    int result = registration->by_operator ? 0 : service_may_register(rules, token, token_len, token_id);
    if (result == TXTD_EFORBIDDEN) {
        service_rules_release(rules);
        return service_refused(service, client, retry_after_s); /* as a wrong key: who guesses is slowed down */
    }
    if (result == 0 && registration->allowfrom_count > STORE_ALLOWFROM_MAX) {
        result = TXTD_EINVAL;
    }
    bool has_room = result == 0 && (result = service_take_room(service, rules)) == 0;
    if (result == 0 && !registration->by_operator) {
        result = service_limit_registration(service, rules, client, retry_after_s);
    }
    if (result == 0) {
        result = begin_call(service, rules, client, call);
    }
    if (result == 0) {
        (*call)->by = registration->by_operator ? "operator" : token_id[0] != '\0' ? "token" : "anyone";
        memcpy((*call)->token_id, token_id, sizeof token_id);
        (*call)->has_room = true;
        result = end_prepare(*call, fill_registration(*call, registration));
    } else if (has_room) {
        service_give_room_back(service);
    }
    service_rules_release(rules);
    return service_count_refusal(service, result);
}

int service_prepare_update(struct service *service, const uint8_t client[16], const struct service_login *login,
                           const char *value, size_t value_len, struct service_call **call, unsigned *retry_after_s)
{
    if (value_len == 0 || value_len > DELEGATE_VALUE_LEN_MAX) {
        return TXTD_EINVAL;
    }
    struct service_rules *rules = service_rules_hold(service);
    const struct rate rate = {rules->rates.updates_per_minute, SECONDS_PER_MINUTE};
    int result = service_take(service, SERVICE_LIMIT_UPDATES, service->updates, rate, login->account.username.octets,
                              retry_after_s);
    if (result == 0) {
        result = begin_call(service, rules, client, call);
    }
    if (result == 0) {
        result = end_prepare(*call, fill_update(*call, login, value, value_len));
    }
    service_rules_release(rules);
    return service_count_refusal(service, result);
}

void service_submit(struct service_call *call, service_done_fn done, void *context)
{
    call->done = done;
    call->context = context;
    int result = committer_submit(call->service->parts.committer, &call->change);
    if (result != 0) {
        complete(&call->change, result);
    }
}

/* --- The result --- */

_Static_assert(SERVICE_CLIENT_TEXT_MAX >= INET6_ADDRSTRLEN, "every address fits");

void service_format_client(const uint8_t address[16], char text[SERVICE_CLIENT_TEXT_MAX])
{
    struct in6_addr ipv6;
    memcpy(&ipv6, address, sizeof ipv6);
    if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
        (void)inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN);
    } else {
        (void)inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
    }
}

/* One line for each change, so that an operator can say who changed what, and when. */
static void log_change_made(const struct service_call *call)
{
    char delegate[DELEGATE_ID_TEXT_LEN + 1], username[DELEGATE_ID_TEXT_LEN + 1], client[SERVICE_CLIENT_TEXT_MAX] = "";
    char text[CHANGE_TEXT_MAX];
    struct log *log = call->service->parts.log;
    if (!log_audit_enabled(log)) {
        return;
    }
    delegate_id_format(&call->account.delegate, delegate);
    delegate_id_format(&call->account.username, username);
    service_format_client(call->client, client);
    if (call->registers) {
        size_t len =
            change_text_settings(call->account.allowfrom, call->account.allowfrom_count, false, text, sizeof text);
        log_audit(log, "delegate.registered", log_text("delegate", delegate), log_text("zone", call->zone->name),
                  log_text("account", username), log_text("by", call->by), log_text("token", call->token_id),
                  log_uint("key_id", call->key_id), log_text("client", client),
                  log_uint("revision", call->change.revision), log_text_len("settings", text, len));
    } else {
        log_audit(log, "delegate.updated", log_text("delegate", delegate), log_text("zone", call->zone->name),
                  log_text("account", username), log_text("by", "account"), log_uint("key_id", call->key_id),
                  log_text("client", client), log_text("value", call->value),
                  log_uint("revision", call->change.revision));
    }
}

int service_call_result(struct service_call *call)
{
    if (call->result != 0) {
        return service_count_refusal(call->service, call->result);
    }
    if (call->registers) {
        service_count(call->service, registrations);
    } else {
        service_count(call->service, updates);
    }
    log_change_made(call);
    return 0;
}

const struct service_rules *service_call_rules(const struct service_call *call)
{
    return call->rules;
}

void service_call_registered(const struct service_call *call, struct service_registered *registered)
{
    *registered = (struct service_registered){
        .username = call->account.username,
        .delegate = call->account.delegate,
        .zone = call->zone->name,
        .server_url = call->rules->server_url,
        .key = call->key,
        .allowfrom = call->account.allowfrom,
        .allowfrom_count = call->account.allowfrom_count,
    };
}

const struct store_account *service_call_account(const struct service_call *call)
{
    return &call->account;
}

const char *service_call_value(const struct service_call *call)
{
    return call->value;
}
