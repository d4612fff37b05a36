#include "storage/committer_batch.h"

#include <stdlib.h>

#include "storage/burial.h"
#include "storage/key_index.h"

#define NO_CHANGE UINT32_MAX

struct batch_item {
    struct change_request *request;
    struct change_state state;
    int result;
    uint32_t change;         /* its place in `changes`; NO_CHANGE: it writes nothing */
    uint32_t delegate_after; /* the change whose delegate it was shown; NO_CHANGE: the stored one */
    uint32_t account_after;  /* likewise */
};

struct committer_batch {
    size_t items_count;
    size_t changes_count;
    int commit_result;
    struct batch_item *items;
    struct store_lookup *lookups;
    struct store_change *changes;
    uint32_t *change_items;      /* which item a change is of */
    struct key_index *delegates; /* key -> the last change of it in this batch */
    struct key_index *accounts;
};

int committer_batch_new(size_t requests_max, struct committer_batch **batch)
{
    struct committer_batch *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->items = calloc(requests_max, sizeof(*made->items));
    made->lookups = calloc(requests_max, sizeof(*made->lookups));
    made->changes = calloc(requests_max, sizeof(*made->changes));
    made->change_items = calloc(requests_max, sizeof(*made->change_items));
    if (made->items == NULL || made->lookups == NULL || made->changes == NULL || made->change_items == NULL ||
        key_index_new(requests_max, &made->delegates) != 0 || key_index_new(requests_max, &made->accounts) != 0) {
        committer_batch_free(made);
        return TXTD_ENOMEM;
    }
    *batch = made;
    return 0;
}

void committer_batch_free(struct committer_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    key_index_free(batch->accounts);
    key_index_free(batch->delegates);
    free(batch->change_items);
    free(batch->changes);
    free(batch->lookups);
    free(batch->items);
    free(batch);
}

void committer_batch_clear(struct committer_batch *batch)
{
    batch->items_count = 0;
    batch->changes_count = 0;
    batch->commit_result = 0;
    key_index_clear(batch->delegates);
    key_index_clear(batch->accounts);
}

/* What a delegate or an account is that does not exist. The arrays above their counts are left as they were. */
static void state_reset(struct change_state *state, const struct change_request *request)
{
    struct delegate_state *delegate = &state->delegate;
    delegate->id = request->delegate;
    delegate->zone = request->zone;
    delegate->version = 0;
    delegate_clear(delegate);
    struct store_account *account = &state->account;
    account->username = request->username;
    account->delegate = (struct delegate_id){{0}};
    account->zone = 0;
    account->created_s = 0;
    account->version = 0;
    account_clear(account);
    state->write_delegate = false;
    state->write_account = false;
    state->write_event = false;
    state->revoke = false;
}

void committer_batch_add(struct committer_batch *batch, struct change_request *request)
{
    size_t at = batch->items_count++;
    struct batch_item *item = &batch->items[at];
    item->request = request;
    item->result = 0;
    item->change = NO_CHANGE;
    item->delegate_after = NO_CHANGE;
    item->account_after = NO_CHANGE;
    state_reset(&item->state, request);
    batch->lookups[at] = (struct store_lookup){
        .delegate = &item->state.delegate,
        .account = request->wants_account ? &item->state.account : NULL,
    };
}

/* The code of a look-up that could not be made; that there is nothing is no failure here. */
static int lookup_failure(const struct store_lookup *lookup)
{
    if (lookup->delegate_result != 0 && lookup->delegate_result != TXTD_ENOTFOUND) {
        return lookup->delegate_result;
    }
    if (lookup->account != NULL && lookup->account_result != 0 && lookup->account_result != TXTD_ENOTFOUND) {
        return lookup->account_result;
    }
    return 0;
}

/* Puts what earlier requests of this batch made of the same keys over what is stored. */
static void item_overlay(struct committer_batch *batch, struct batch_item *item)
{
    const struct change_request *request = item->request;
    item->delegate_after = *key_index_at(batch->delegates, request->zone, &request->delegate);
    if (item->delegate_after != NO_CHANGE) {
        item->state.delegate = *batch->changes[item->delegate_after].delegate;
    }
    if (!request->wants_account) {
        return;
    }
    item->account_after = *key_index_at(batch->accounts, 0, &request->username);
    if (item->account_after != NO_CHANGE) {
        item->state.account = *batch->changes[item->account_after].account;
    }
}

/* Makes a change of what the request decided: keys as asked for, versions counted up from those it was shown. */
static void item_add_change(struct committer_batch *batch, struct batch_item *item, uint64_t delegate_version,
                            uint64_t account_version)
{
    struct change_state *state = &item->state;
    uint32_t number = (uint32_t)batch->changes_count++;
    struct store_change *change = &batch->changes[number];
    *change = (struct store_change){0};
    batch->change_items[number] = (uint32_t)(item - batch->items);
    item->change = number;
    if (state->write_delegate) {
        state->delegate.zone = item->request->zone;
        state->delegate.id = item->request->delegate;
        state->delegate.version = delegate_version + 1;
        change->delegate = &state->delegate;
        if (state->write_event) {
            state->event.version = state->delegate.version;
            change->event = &state->event;
        }
        *key_index_at(batch->delegates, item->request->zone, &item->request->delegate) = number;
    }
    if (state->write_account) {
        state->account.username = item->request->username;
        state->account.version = account_version + 1;
        change->account = &state->account;
        change->revoked = state->revoke ? &state->revoked : NULL;
        *key_index_at(batch->accounts, 0, &item->request->username) = number;
    }
}

static void item_decide(struct committer_batch *batch, struct batch_item *item, int64_t now_s)
{
    item_overlay(batch, item);
    uint64_t delegate_version = item->state.delegate.version;
    uint64_t account_version = item->state.account.version;
    item->result = item->request->decide(item->request, &item->state, now_s);
    if (item->result == 0 && item->state.write_account && !item->request->wants_account) {
        item->result = TXTD_EINVAL; /* it was not shown what it would replace */
    }
    if (item->result == 0 && (item->state.write_delegate || item->state.write_account)) {
        item_add_change(batch, item, delegate_version, account_version);
    }
}

size_t committer_batch_decide(struct committer_batch *batch, struct store *store, int64_t now_s)
{
    store_read_many(store, batch->lookups, batch->items_count);
    for (size_t i = 0; i < batch->items_count; i++) {
        struct batch_item *item = &batch->items[i];
        item->result = lookup_failure(&batch->lookups[i]);
        if (item->result == 0) {
            item_decide(batch, item, now_s);
        }
    }
    return batch->changes_count;
}

int committer_batch_commit(struct committer_batch *batch, struct store *store)
{
    uint64_t revision = 0;
    batch->commit_result = store_commit(store, batch->changes, batch->changes_count, &revision);
    return batch->commit_result;
}

/* The code of a change that this batch was to make. */
static int change_result(const struct committer_batch *batch, uint32_t change)
{
    if (change == NO_CHANGE) {
        return 0;
    }
    return batch->commit_result != 0 ? batch->commit_result : batch->changes[change].result;
}

size_t committer_batch_count(const struct committer_batch *batch)
{
    return batch->items_count;
}

struct batch_outcome committer_batch_outcome(const struct committer_batch *batch, size_t at)
{
    const struct batch_item *item = &batch->items[at];
    struct batch_outcome outcome = {.request = item->request, .result = item->result};
    /* What it saw must have come true too, or it decided on something that never was. */
    const uint32_t changes[] = {item->change, item->delegate_after, item->account_after};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]) && outcome.result == 0; i++) {
        outcome.result = change_result(batch, changes[i]);
    }
    if (outcome.result == 0 && item->change != NO_CHANGE) {
        outcome.revision = batch->changes[item->change].revision;
        outcome.state = batch->changes[item->change].delegate;
    }
    return outcome;
}
