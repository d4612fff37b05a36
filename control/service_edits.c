/* An edit on its way: made, prepared, handed in, done. */
#include "control/service_edits.h"

#include <stdlib.h>
#include <string.h>

#include "control/service_edits_internal.h"
#include "control/service_internal.h"

_Static_assert(SERVICE_EDIT_EXPIRE + 1 == SERVICE_EDIT_KINDS, "each kind has a counter");

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

/* --- Preparing --- */

static void complete(struct change_request *request, int result)
{
    struct service_edit_call *call = (struct service_edit_call *)request;
    call->result = result;
    call->done(call->context); /* the call may be gone now */
}

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
    call->change.decide = service_edit_decide;
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

int service_edit_result(struct service_edit_call *call)
{
    if (call->result == 0) {
        service_edit_log(call);
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
