/* Commit: read the current versions of all keys at once, judge each change against them, write what is left in one batch. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/key_index.h"
#include "storage/store_internal.h"

/* One key of a commit: what is stored, and what the changes judged so far make of it. */
struct tracked_key {
    uint8_t key[RECORD_DELEGATE_KEY_LEN];
    int code; /* of reading it: 0 also when it is not there */
    bool is_written;
    bool is_live; /* there and no tombstone */
    uint64_t version;
    rocksdb_pinnableslice_t *stored; /* NULL: not there */
};

/* The different keys of one family that a commit touches. */
struct key_set {
    enum database_family family;
    size_t key_len;
    int (*head)(const uint8_t *record, size_t len, struct record_head *head);
    struct key_index *index;
    struct tracked_key *keys;
    size_t count;
    size_t capacity;
};

struct commit_scratch {
    struct key_set delegates;
    struct key_set accounts;
    rocksdb_writebatch_t *batch;
    uint8_t delegate_record[RECORD_DELEGATE_MAX];
    uint8_t account_record[RECORD_ACCOUNT_MAX];
    unsigned history; /* events kept of a delegate */
};

int commit_scratch_new(unsigned history, struct commit_scratch **scratch)
{
    struct commit_scratch *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->delegates =
        (struct key_set){.family = FAMILY_DELEGATES, .key_len = RECORD_DELEGATE_KEY_LEN, .head = record_delegate_head};
    made->accounts =
        (struct key_set){.family = FAMILY_ACCOUNTS, .key_len = RECORD_ACCOUNT_KEY_LEN, .head = record_account_head};
    made->batch = rocksdb_writebatch_create();
    made->history = history;
    *scratch = made;
    return 0;
}

void commit_scratch_free(struct commit_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    struct key_set *sets[] = {&scratch->delegates, &scratch->accounts};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        key_index_free(sets[i]->index);
        free(sets[i]->keys);
    }
    rocksdb_writebatch_destroy(scratch->batch);
    free(scratch);
}

/* Empties the set, with room for `count` keys. Grows to the largest commit there was; the committer bounds that. */
static int key_set_reset(struct key_set *set, size_t count)
{
    set->count = 0;
    if (count > set->capacity) {
        struct tracked_key *keys = realloc(set->keys, count * sizeof(*keys));
        if (keys == NULL) {
            return TXTD_ENOMEM;
        }
        set->keys = keys;
        key_index_free(set->index);
        set->index = NULL;
        set->capacity = 0;
        if (key_index_new(count, &set->index) != 0) {
            return TXTD_ENOMEM;
        }
        set->capacity = count;
    }
    key_index_clear(set->index);
    return 0;
}

static void key_set_add(struct key_set *set, uint16_t zone, const struct delegate_id *id)
{
    uint32_t *number = key_index_at(set->index, zone, id);
    if (*number != KEY_INDEX_NONE) {
        return;
    }
    *number = (uint32_t)set->count;
    struct tracked_key *tracked = &set->keys[set->count++];
    *tracked = (struct tracked_key){0};
    if (set->family == FAMILY_DELEGATES) {
        record_delegate_key(zone, id, tracked->key);
    } else {
        memcpy(tracked->key, id->octets, sizeof(id->octets));
    }
}

/* The tracked key of a change whose keys were added. */
static struct tracked_key *key_set_find(struct key_set *set, uint16_t zone, const struct delegate_id *id)
{
    return &set->keys[*key_index_at(set->index, zone, id)];
}

static void tracked_key_judge(const struct key_set *set, struct tracked_key *tracked)
{
    if (tracked->code != 0 || tracked->stored == NULL) {
        return;
    }
    size_t len = 0;
    const char *record = rocksdb_pinnableslice_value(tracked->stored, &len);
    struct record_head head = {0};
    tracked->code = set->head((const uint8_t *)record, len, &head);
    tracked->version = head.version;
    tracked->is_live = !head.deleted;
}

/* Reads what is stored for all keys. */
static void key_set_load(struct key_set *set, const struct database *database)
{
    const char *keys[DATABASE_READ_MAX];
    size_t lens[DATABASE_READ_MAX];
    rocksdb_pinnableslice_t *values[DATABASE_READ_MAX];
    int codes[DATABASE_READ_MAX];
    for (size_t at = 0; at < set->count; at += DATABASE_READ_MAX) {
        size_t some = set->count - at < DATABASE_READ_MAX ? set->count - at : DATABASE_READ_MAX;
        for (size_t i = 0; i < some; i++) {
            keys[i] = (const char *)set->keys[at + i].key;
            lens[i] = set->key_len;
        }
        database_read_many(database, set->family, some, keys, lens, values, codes);
        for (size_t i = 0; i < some; i++) {
            struct tracked_key *tracked = &set->keys[at + i];
            tracked->stored = values[i];
            tracked->code = codes[i] == TXTD_ENOTFOUND ? 0 : codes[i];
            tracked_key_judge(set, tracked);
        }
    }
}

static void key_set_release(struct key_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->keys[i].stored != NULL) {
            rocksdb_pinnableslice_destroy(set->keys[i].stored);
        }
    }
    set->count = 0;
}

/* Collects the keys of all changes and reads them. */
static int scratch_load(struct commit_scratch *scratch, const struct database *database,
                        const struct store_change changes[], size_t count)
{
    int code = key_set_reset(&scratch->delegates, count);
    code = code != 0 ? code : key_set_reset(&scratch->accounts, count);
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].delegate != NULL) {
            key_set_add(&scratch->delegates, changes[i].delegate->zone, &changes[i].delegate->id);
        }
        if (changes[i].account != NULL) {
            key_set_add(&scratch->accounts, 0, &changes[i].account->username);
        }
    }
    key_set_load(&scratch->delegates, database);
    key_set_load(&scratch->accounts, database);
    return 0;
}

static int expect_version(const struct tracked_key *tracked, uint64_t version)
{
    if (tracked->code != 0) {
        return tracked->code;
    }
    return version == tracked->version + 1 ? 0 : TXTD_ECONFLICT;
}

static void batch_put(const struct database *database, rocksdb_writebatch_t *batch, const struct key_set *set,
                      struct tracked_key *tracked, const uint8_t *record, int len)
{
    rocksdb_writebatch_put_cf(batch, database->families[set->family], (const char *)tracked->key, set->key_len,
                              (const char *)record, (size_t)len);
    tracked->version++;
    tracked->is_written = true;
}

static void batch_put_event(const struct database *database, const struct commit_scratch *scratch,
                            const struct store_change *change)
{
    const struct delegate_state *delegate = change->delegate;
    uint8_t key[RECORD_HISTORY_KEY_LEN];
    uint8_t record[RECORD_EVENT_MAX];
    int len = record_event_encode(change->event, record, sizeof(record));
    record_history_key(delegate->zone, &delegate->id, (uint8_t)(delegate->version % scratch->history), key);
    rocksdb_writebatch_put_cf(scratch->batch, database->families[FAMILY_HISTORY], (const char *)key, sizeof(key),
                              (const char *)record, (size_t)len); /* an event always fits */
}

static void batch_put_revoked(const struct database *database, rocksdb_writebatch_t *batch,
                              const struct store_change *change)
{
    struct store_revoked revoked = {
        .username = change->account->username, .key_id = change->revoked->key_id, .at_s = time(NULL)};
    uint8_t key[RECORD_REVOKED_KEY_MAX];
    uint8_t record[RECORD_REVOKED_MAX];
    size_t key_len = record_revoked_key(change->revoked, key);
    int len = record_revoked_encode(&revoked, record, sizeof(record));
    rocksdb_writebatch_put_cf(batch, database->families[FAMILY_META], (const char *)key, key_len, (const char *)record,
                              (size_t)len);
}

/* Judges one change; puts it in the batch when it applies. `live` counts the delegates. Returns the change's result. */
static int scratch_apply(struct commit_scratch *scratch, const struct database *database,
                         const struct store_change *change, uint64_t *live)
{
    struct tracked_key *delegate = NULL;
    struct tracked_key *account = NULL;
    int delegate_len = 0;
    int account_len = 0;
    if (change->delegate != NULL) {
        delegate = key_set_find(&scratch->delegates, change->delegate->zone, &change->delegate->id);
        int code = expect_version(delegate, change->delegate->version);
        if (code != 0) {
            return code;
        }
        delegate_len = record_delegate_encode(change->delegate, scratch->delegate_record, RECORD_DELEGATE_MAX);
    }
    if (change->account != NULL) {
        account = key_set_find(&scratch->accounts, 0, &change->account->username);
        int code = expect_version(account, change->account->version);
        if (code != 0) {
            return code;
        }
        account_len = record_account_encode(change->account, scratch->account_record, RECORD_ACCOUNT_MAX);
    }
    if (delegate_len < 0 || account_len < 0) {
        return delegate_len < 0 ? delegate_len : account_len;
    }
    if (delegate != NULL) {
        *live += (uint64_t)!change->delegate->deleted - (uint64_t)delegate->is_live;
        delegate->is_live = !change->delegate->deleted;
        batch_put(database, scratch->batch, &scratch->delegates, delegate, scratch->delegate_record, delegate_len);
        if (change->event != NULL && scratch->history != 0) {
            batch_put_event(database, scratch, change);
        }
    }
    if (account != NULL) {
        batch_put(database, scratch->batch, &scratch->accounts, account, scratch->account_record, account_len);
        if (change->revoked != NULL) {
            batch_put_revoked(database, scratch->batch, change);
        }
    }
    return 0;
}

static void batch_put_state(const struct store *store, rocksdb_writebatch_t *batch, uint64_t revision, uint64_t live)
{
    uint8_t state[STORE_STATE_MAX];
    size_t len = store_state_encode(revision, live, state);
    rocksdb_writebatch_put_cf(batch, store->database.families[FAMILY_META], META_STATE, strlen(META_STATE),
                              (const char *)state, len);
}

static void batch_put_stored(const struct database *database, rocksdb_writebatch_t *batch, const struct key_set *set)
{
    rocksdb_column_family_handle_t *family = database->families[set->family];
    for (size_t i = 0; i < set->count; i++) {
        const struct tracked_key *tracked = &set->keys[i];
        if (!tracked->is_written) {
            continue;
        }
        if (tracked->stored == NULL) {
            rocksdb_writebatch_delete_cf(batch, family, (const char *)tracked->key, set->key_len);
            continue;
        }
        size_t len = 0;
        const char *record = rocksdb_pinnableslice_value(tracked->stored, &len);
        rocksdb_writebatch_put_cf(batch, family, (const char *)tracked->key, set->key_len, record, len);
    }
}

/* A write that failed may still be found in the log when the database is opened anew. Nobody was told that it was done, and
 * it is not served: so it must not be in the store either. Events need no undoing: one of a version that the delegate has not
 * got is not shown, and the change that makes that version takes its place. */
static void store_break(struct store *store, const struct commit_scratch *scratch, const struct store_change changes[],
                        size_t count)
{
    rocksdb_writebatch_t *undo = rocksdb_writebatch_create();
    batch_put_stored(&store->database, undo, &scratch->delegates);
    batch_put_stored(&store->database, undo, &scratch->accounts);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].result == 0 && changes[i].revoked != NULL) {
            uint8_t key[RECORD_REVOKED_KEY_MAX];
            size_t key_len = record_revoked_key(changes[i].revoked, key);
            rocksdb_writebatch_delete_cf(undo, store->database.families[FAMILY_META], (const char *)key, key_len);
        }
    }
    batch_put_state(store, undo, atomic_load(&store->revision), atomic_load(&store->delegates));
    store->undo = undo;
    atomic_store_explicit(&store->broken, true, memory_order_release);
}

/* The commit, while the database is there. */
static int commit_locked(struct store *store, struct store_change changes[], size_t count)
{
    struct commit_scratch *scratch = store->scratch;
    int code = scratch_load(scratch, &store->database, changes, count);
    if (code != 0) {
        return code;
    }
    uint64_t revision = atomic_load(&store->revision);
    uint64_t live = atomic_load(&store->delegates);
    uint64_t before = revision;
    rocksdb_writebatch_clear(scratch->batch);
    for (size_t i = 0; i < count; i++) {
        changes[i].result = scratch_apply(scratch, &store->database, &changes[i], &live);
        changes[i].revision = changes[i].result == 0 ? ++revision : 0;
    }
    if (revision != before) {
        char *error = NULL;
        batch_put_state(store, scratch->batch, revision, live);
        rocksdb_write(store->database.db, store->database.write, scratch->batch, &error);
        if (error != NULL) {
            code = database_error_code(error) == TXTD_ENOSPC ? TXTD_ENOSPC : TXTD_EIO;
            database_note_trouble(&store->database, code, error);
            rocksdb_free(error);
            store_break(store, scratch, changes, count);
        } else {
            atomic_store_explicit(&store->delegates, live, memory_order_relaxed);
            atomic_store_explicit(&store->revision, revision, memory_order_release);
        }
    }
    key_set_release(&scratch->delegates);
    key_set_release(&scratch->accounts);
    return code;
}

int store_commit(struct store *store, struct store_change changes[], size_t count, uint64_t *revision)
{
    int code = store_writable(store);
    if (code != 0) {
        return code;
    }
    pthread_rwlock_rdlock(&store->reopening);
    if (store->database.db == NULL) {
        code = TXTD_EIO;
    } else if (count != 0) {
        code = commit_locked(store, changes, count);
    }
    pthread_rwlock_unlock(&store->reopening);
    if (code != 0) {
        store_keeper_alarm(store);
        return code;
    }
    *revision = store_revision(store);
    return 0;
}
