#include "control/key_upgrade.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "control/bcrypt.h"
#include "control/credentials.h"
#include "control/log.h"
#include "storage/committer.h"

#define LOWEST_PRIORITY 19

struct key_upgrade {
    struct change_request change; /* first: the committer hands back a pointer to it */
    struct key_upgrades *owner;
    struct key_upgrade *next; /* in the queue, or of the free ones */
    char key[KEY_UPGRADE_KEY_LEN];
    uint8_t key_hash[CREDENTIALS_HASH_LEN];
    uint8_t bcrypt[BCRYPT_HASH_LEN]; /* the hash that the key was verified against */
    uint32_t key_id;
    void *maker;
    void (*done)(void *context);
    void *context;
    int result;
};

struct key_upgrades {
    struct key_upgrade_parts parts;
    pthread_mutex_t lock; /* guards what follows, up to `counters` */
    pthread_cond_t filled;
    struct key_upgrade *first, *last; /* those that wait for a thread */
    struct key_upgrade *idle;
    bool stopping;
    struct key_upgrade_counters counters; /* relaxed atomics */
    struct key_upgrade *all;
    pthread_t *threads;
    unsigned threads_count;
};

static void count(uint64_t *counter)
{
    (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void finish(struct key_upgrade *upgrade, int result)
{
    struct key_upgrade_counters *counters = &upgrade->owner->counters;
    upgrade->result = result;
    count(result == 0 ? &counters->upgraded : result == TXTD_EFORBIDDEN ? &counters->wrong : &counters->failed);
    upgrade->done(upgrade->context); /* the upgrade may be gone now */
}

/* --- On the committer's thread --- */

/* The account may have changed since: only the very hash that was verified is replaced. */
static int decide(struct change_request *request, struct change_state *state, int64_t now_s)
{
    const struct key_upgrade *upgrade = (const struct key_upgrade *)request;
    struct store_account *account = &state->account;
    (void)now_s;
    if (account->version == 0 || account->deleted) {
        return TXTD_EFORBIDDEN;
    }
    for (unsigned i = 0; i < account->keys_count; i++) {
        struct store_key *key = &account->keys[i];
        if (key->scheme == STORE_KEY_BCRYPT && key->hash_len == BCRYPT_HASH_LEN &&
            memcmp(key->hash, upgrade->bcrypt, BCRYPT_HASH_LEN) == 0) {
            credentials_store_key(upgrade->key_hash, key->key_id, key->created_s, key);
            state->write_account = true;
            return 0;
        }
    }
    /* Another request with the same key was faster; or the key was revoked. */
    return credentials_match(account, upgrade->key_hash, NULL) ? 0 : TXTD_EFORBIDDEN;
}

static void complete(struct change_request *request, int result)
{
    struct key_upgrade *upgrade = (struct key_upgrade *)request;
    struct log *log = upgrade->owner->parts.log;
    if (result == 0 && log_audit_enabled(log)) {
        char username[DELEGATE_ID_TEXT_LEN + 1], delegate[DELEGATE_ID_TEXT_LEN + 1];
        delegate_id_format(&request->username, username);
        delegate_id_format(&request->delegate, delegate);
        log_audit(log, "key.upgraded", log_text("delegate", delegate), log_text("account", username),
                  log_text("by", "account"), log_uint("key_id", upgrade->key_id));
    }
    finish(upgrade, result);
}

/* --- On a thread of our own --- */

/* Finds the hash that the key has. Returns as key_upgrade_result. */
static int verify(struct key_upgrade *upgrade, const struct store_account *account)
{
    for (unsigned i = 0; i < account->keys_count; i++) {
        const struct store_key *key = &account->keys[i];
        if (key->scheme != STORE_KEY_BCRYPT || key->hash_len != BCRYPT_HASH_LEN) {
            continue;
        }
        int result = bcrypt_matches(key->hash, key->hash_len, upgrade->key, sizeof upgrade->key);
        if (result == 0) {
            memcpy(upgrade->bcrypt, key->hash, sizeof upgrade->bcrypt);
            upgrade->key_id = key->key_id;
            return 0;
        }
        if (result == TXTD_ENOMEM) {
            return result;
        }
    }
    return TXTD_EFORBIDDEN;
}

static void work(struct key_upgrade *upgrade)
{
    struct store_account account;
    const struct key_upgrade_parts *parts = &upgrade->owner->parts;
    int result = store_read_account(parts->store, &upgrade->change.username, &account);
    if (result != 0) {
        finish(upgrade, result == TXTD_ENOTFOUND ? TXTD_EFORBIDDEN : result);
        return;
    }
    /* It waited here: another request with the same key may have been upgraded meanwhile. */
    if (!credentials_match(&account, upgrade->key_hash, NULL)) {
        result = verify(upgrade, &account);
        upgrade->change.zone = account.zone;
        upgrade->change.delegate = account.delegate;
        if (result == 0) {
            result = committer_submit(parts->committer, &upgrade->change);
            if (result == 0) {
                return; /* the committer completes it */
            }
        }
    }
    finish(upgrade, result);
}

static struct key_upgrade *take(struct key_upgrades *upgrades)
{
    struct key_upgrade *upgrade = upgrades->first;
    if (upgrade != NULL) {
        upgrades->first = upgrade->next;
    }
    return upgrade;
}

static void *run(void *argument)
{
    struct key_upgrades *upgrades = argument;
    (void)setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY); /* on Linux: of this thread */
    for (;;) {
        pthread_mutex_lock(&upgrades->lock);
        while (upgrades->first == NULL && !upgrades->stopping) {
            pthread_cond_wait(&upgrades->filled, &upgrades->lock);
        }
        struct key_upgrade *upgrade = upgrades->stopping ? NULL : take(upgrades);
        pthread_mutex_unlock(&upgrades->lock);
        if (upgrade == NULL) {
            return NULL;
        }
        work(upgrade);
    }
}

/* --- From outside --- */

bool key_upgrade_may_match(const struct store_account *account, const char *key, size_t key_len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    bool has_bcrypt = false;
    for (unsigned i = 0; i < account->keys_count; i++) {
        has_bcrypt = has_bcrypt || account->keys[i].scheme == STORE_KEY_BCRYPT;
    }
    if (!has_bcrypt || key_len != KEY_UPGRADE_KEY_LEN) {
        return false;
    }
    for (size_t i = 0; i < key_len; i++) {
        if (memchr(alphabet, key[i], sizeof alphabet - 1) == NULL) {
            return false;
        }
    }
    return true;
}

int key_upgrade_prepare(struct key_upgrades *upgrades, const struct delegate_id *username, const char *key, void *maker,
                        struct key_upgrade **upgrade)
{
    pthread_mutex_lock(&upgrades->lock);
    struct key_upgrade *made = upgrades->idle;
    if (made != NULL) {
        upgrades->idle = made->next;
    }
    pthread_mutex_unlock(&upgrades->lock);
    if (made == NULL) {
        count(&upgrades->counters.busy);
        return TXTD_EFULL;
    }
    count(&upgrades->counters.waiting);
    *made = (struct key_upgrade){.owner = upgrades, .maker = maker};
    memcpy(made->key, key, sizeof made->key);
    made->change.username = *username;
    made->change.wants_account = true;
    made->change.decide = decide;
    made->change.complete = complete;
    int result = credentials_hash(key, sizeof made->key, made->key_hash);
    if (result != 0) {
        key_upgrade_free(made);
        return result;
    }
    *upgrade = made;
    return 0;
}

void key_upgrade_submit(struct key_upgrade *upgrade, void (*done)(void *context), void *context)
{
    struct key_upgrades *upgrades = upgrade->owner;
    upgrade->done = done;
    upgrade->context = context;
    upgrade->next = NULL;
    pthread_mutex_lock(&upgrades->lock);
    bool closed = upgrades->stopping;
    if (!closed) {
        if (upgrades->first == NULL) {
            upgrades->first = upgrade;
        } else {
            upgrades->last->next = upgrade;
        }
        upgrades->last = upgrade;
    }
    pthread_mutex_unlock(&upgrades->lock);
    if (closed) {
        finish(upgrade, TXTD_ECLOSED);
    } else {
        pthread_cond_signal(&upgrades->filled);
    }
}

int key_upgrade_result(const struct key_upgrade *upgrade)
{
    return upgrade->result;
}

void *key_upgrade_maker(const struct key_upgrade *upgrade)
{
    return upgrade->maker;
}

void key_upgrade_free(struct key_upgrade *upgrade)
{
    struct key_upgrades *upgrades = upgrade->owner;
    explicit_bzero(upgrade, sizeof *upgrade);
    pthread_mutex_lock(&upgrades->lock);
    upgrade->next = upgrades->idle;
    upgrades->idle = upgrade;
    pthread_mutex_unlock(&upgrades->lock);
    (void)__atomic_sub_fetch(&upgrades->counters.waiting, 1, __ATOMIC_RELAXED);
}

void key_upgrades_counters(const struct key_upgrades *upgrades, struct key_upgrade_counters *counters)
{
    const struct key_upgrade_counters *from = &upgrades->counters;
    counters->upgraded = __atomic_load_n(&from->upgraded, __ATOMIC_RELAXED);
    counters->wrong = __atomic_load_n(&from->wrong, __ATOMIC_RELAXED);
    counters->busy = __atomic_load_n(&from->busy, __ATOMIC_RELAXED);
    counters->failed = __atomic_load_n(&from->failed, __ATOMIC_RELAXED);
    counters->waiting = __atomic_load_n(&from->waiting, __ATOMIC_RELAXED);
}

/* --- Start and end --- */

int key_upgrades_start(const struct key_upgrade_parts *parts, const struct key_upgrade_settings *settings,
                       struct key_upgrades **upgrades)
{
    struct key_upgrades *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->parts = *parts;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->filled, NULL);
    made->all = calloc(settings->queue_max, sizeof *made->all);
    made->threads = calloc(settings->threads, sizeof *made->threads);
    if (made->all == NULL || made->threads == NULL) {
        key_upgrades_free(made);
        return TXTD_ENOMEM;
    }
    for (unsigned i = 0; i < settings->queue_max; i++) {
        made->all[i].next = made->idle;
        made->idle = &made->all[i];
    }
    while (made->threads_count < settings->threads) {
        pthread_t *thread = &made->threads[made->threads_count];
        if (pthread_create(thread, NULL, run, made) != 0) {
            key_upgrades_stop(made);
            key_upgrades_free(made);
            return TXTD_ESYS;
        }
        (void)pthread_setname_np(*thread, "txtd-bcrypt");
        made->threads_count++;
    }
    *upgrades = made;
    return 0;
}

void key_upgrades_stop(struct key_upgrades *upgrades)
{
    if (upgrades == NULL) {
        return;
    }
    pthread_mutex_lock(&upgrades->lock);
    upgrades->stopping = true;
    pthread_mutex_unlock(&upgrades->lock);
    pthread_cond_broadcast(&upgrades->filled);
    for (unsigned i = 0; i < upgrades->threads_count; i++) {
        (void)pthread_join(upgrades->threads[i], NULL);
    }
    upgrades->threads_count = 0;
    for (struct key_upgrade *upgrade; (upgrade = take(upgrades)) != NULL;) {
        finish(upgrade, TXTD_ECLOSED);
    }
}

void key_upgrades_free(struct key_upgrades *upgrades)
{
    if (upgrades == NULL) {
        return;
    }
    pthread_mutex_destroy(&upgrades->lock);
    pthread_cond_destroy(&upgrades->filled);
    free(upgrades->all);
    free(upgrades->threads);
    free(upgrades);
}
