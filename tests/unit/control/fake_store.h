/* fake_store.h: stands in for store and committer in tests of the service: a few accounts in memory, changes decided and
 * completed at once on the calling thread, or when the test says so.
 *
 * To be included by one test program; it defines the functions of storage/ that the service calls.
 */
#ifndef TXTD_TESTS_FAKE_STORE_H
#define TXTD_TESTS_FAKE_STORE_H

#include <string.h>

#include "storage/backup.h"
#include "storage/committer.h"
#include "storage/store.h"

enum { FAKE_STORE_MAX = 600, FAKE_STORE_NOW_S = 1700000000 };

struct fake_store {
    struct delegate_state delegates[FAKE_STORE_MAX];
    struct store_account accounts[FAKE_STORE_MAX];
    struct store_usage usage[FAKE_STORE_MAX];
    unsigned count;
    int read_result;       /* of point reads, unless 0 */
    int submit_result;     /* of committer_submit, unless 0 */
    int commit_result;     /* with which requests are completed, unless 0; nothing is changed then */
    void (*on_page)(void); /* called before each page of accounts; NULL: nothing */
    bool hold;             /* keep requests back until fake_store_release */
    struct change_request *held;
};

static struct fake_store fake_store;

static inline struct store_account *fake_store_account(const struct delegate_id *username)
{
    for (unsigned i = 0; i < fake_store.count; i++) {
        if (memcmp(&fake_store.accounts[i].username, username, sizeof *username) == 0) {
            return &fake_store.accounts[i];
        }
    }
    return NULL;
}

static inline struct delegate_state *fake_store_delegate(uint16_t zone, const struct delegate_id *id)
{
    for (unsigned i = 0; i < fake_store.count; i++) {
        if (fake_store.delegates[i].zone == zone && memcmp(&fake_store.delegates[i].id, id, sizeof *id) == 0) {
            return &fake_store.delegates[i];
        }
    }
    return NULL;
}

int store_read_account(struct store *store, const struct delegate_id *username, struct store_account *account)
{
    (void)store;
    const struct store_account *found = fake_store_account(username);
    if (fake_store.read_result != 0 || found == NULL) {
        return fake_store.read_result != 0 ? fake_store.read_result : TXTD_ENOTFOUND;
    }
    *account = *found;
    return 0;
}

int store_read_delegate(struct store *store, uint16_t zone, const struct delegate_id *id, struct delegate_state *state)
{
    (void)store;
    const struct delegate_state *found = fake_store_delegate(zone, id);
    if (fake_store.read_result != 0 || found == NULL) {
        return fake_store.read_result != 0 ? fake_store.read_result : TXTD_ENOTFOUND;
    }
    *state = *found;
    return 0;
}

void store_read_many(struct store *store, struct store_lookup lookups[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct store_lookup *lookup = &lookups[i];
        if (lookup->delegate != NULL) {
            const struct delegate_id id = lookup->delegate->id;
            lookup->delegate_result = store_read_delegate(store, lookup->delegate->zone, &id, lookup->delegate);
        }
        if (lookup->account != NULL) {
            const struct delegate_id username = lookup->account->username;
            lookup->account_result = store_read_account(store, &username, lookup->account);
        }
    }
}

/* By username, as the store does. */
int store_read_accounts(struct store *store, const struct delegate_id *after, unsigned limit,
                        struct store_account accounts[], unsigned *count)
{
    const struct delegate_id *last = after;
    (void)store;
    if (fake_store.on_page != NULL) {
        fake_store.on_page();
    }
    for (*count = 0; *count < limit; (*count)++) {
        const struct store_account *next = NULL;
        for (unsigned i = 0; i < fake_store.count; i++) {
            const struct store_account *account = &fake_store.accounts[i];
            if ((last == NULL || memcmp(&account->username, last, sizeof *last) > 0) &&
                (next == NULL || memcmp(&account->username, &next->username, sizeof *last) < 0)) {
                next = account;
            }
        }
        if (next == NULL) {
            break;
        }
        accounts[*count] = *next;
        last = &accounts[*count].username;
    }
    return fake_store.read_result;
}

int store_read_history(struct store *store, uint16_t zone, const struct delegate_id *id,
                       struct store_event events[STORE_HISTORY_MAX], unsigned *count, struct store_usage *usage)
{
    (void)store;
    (void)events;
    const struct delegate_state *delegate = fake_store_delegate(zone, id);
    *count = 0;
    if (usage != NULL && delegate != NULL) {
        *usage = fake_store.usage[delegate - fake_store.delegates];
    }
    return fake_store.read_result;
}

int store_note_usage(struct store *store, const struct store_usage_note notes[], size_t count)
{
    (void)store;
    (void)notes;
    (void)count;
    return fake_store.commit_result;
}

int store_backup(struct store *store, const char *directory, unsigned keep, const atomic_bool *stop,
                 struct backup_report *report, struct error_detail *detail)
{
    (void)store;
    (void)directory;
    (void)keep;
    (void)stop;
    memset(report, 0, sizeof *report);
    return error_describe(detail, TXTD_EIO, "there is no disk");
}

uint64_t store_delegates_estimate(const struct store *store)
{
    (void)store;
    return fake_store.count;
}

int store_writable(const struct store *store)
{
    (void)store;
    return 0;
}

static inline int fake_store_change(struct change_request *request)
{
    static struct change_state state;
    struct delegate_state *delegate = fake_store_delegate(request->zone, &request->delegate);
    struct store_account *account = fake_store_account(&request->username);
    if (fake_store.commit_result != 0) {
        return fake_store.commit_result;
    }
    memset(&state, 0, sizeof state);
    if (delegate != NULL) {
        state.delegate = *delegate;
    }
    if (account != NULL) {
        state.account = *account;
    }
    int result = request->decide(request, &state, FAKE_STORE_NOW_S);
    if (result != 0) {
        return result;
    }
    if (delegate == NULL && state.write_delegate) {
        if (fake_store.count == FAKE_STORE_MAX) {
            return TXTD_ENOSPC;
        }
        delegate = &fake_store.delegates[fake_store.count];
        account = &fake_store.accounts[fake_store.count++];
    }
    if (state.write_delegate) {
        state.delegate.version++;
        *delegate = state.delegate;
    }
    if (state.write_account && account != NULL) {
        state.account.version++;
        *account = state.account;
    }
    return 0;
}

int committer_submit(struct committer *committer, struct change_request *request)
{
    (void)committer;
    if (fake_store.submit_result != 0) {
        return fake_store.submit_result;
    }
    if (fake_store.hold) {
        request->next = fake_store.held;
        fake_store.held = request;
        return 0;
    }
    request->complete(request, fake_store_change(request));
    return 0;
}

void committer_stats(const struct committer *committer, struct committer_stats *stats)
{
    (void)committer;
    memset(stats, 0, sizeof *stats);
}

void committer_published(struct committer *committer, uint64_t revision)
{
    (void)committer;
    (void)revision;
}

void store_disk(const struct store *store, struct store_disk *disk)
{
    (void)store;
    memset(disk, 0, sizeof *disk);
}

uint64_t store_revision(const struct store *store)
{
    (void)store;
    return fake_store.count;
}

/* Decides and completes what was kept back, newest first. */
static inline void fake_store_release(void)
{
    while (fake_store.held != NULL) {
        struct change_request *request = fake_store.held;
        fake_store.held = request->next;
        request->complete(request, fake_store_change(request));
    }
}

#endif
