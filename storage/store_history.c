/* What is kept beside delegates and accounts: their history, how they were asked for, keys that were revoked; and accounts
 * page by page. Events and tombstones are written by store_commit.c. */
#include <stdlib.h>
#include <string.h>

#include "storage/store_internal.h"

/* An iterator over the keys of a family from `from` up to, and without, `to`. */
static rocksdb_iterator_t *iterate(const struct database *database, enum database_family family, const uint8_t *from,
                                   size_t from_len, rocksdb_readoptions_t *options)
{
    rocksdb_readoptions_set_fill_cache(options, 0);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(database->db, options, database->families[family]);
    rocksdb_iter_seek(iterator, (const char *)from, from_len);
    return iterator;
}

/* Ends it. Returns `code`, or that of an error on the way. */
static int iterate_end(const struct database *database, rocksdb_iterator_t *iterator, rocksdb_readoptions_t *options,
                       int code)
{
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    if (error != NULL) {
        code = database_describe(database, NULL, error);
    }
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    return code;
}

static int account_at(const rocksdb_iterator_t *iterator, struct store_account *account)
{
    size_t key_len = 0;
    size_t len = 0;
    const char *key = rocksdb_iter_key(iterator, &key_len);
    const uint8_t *record = (const uint8_t *)rocksdb_iter_value(iterator, &len);
    if (key_len != sizeof(account->username.octets)) {
        return TXTD_ECORRUPT;
    }
    memcpy(account->username.octets, key, key_len);
    return record_account_decode(record, len, account);
}

int store_read_accounts(struct store *store, const struct delegate_id *after, unsigned limit,
                        struct store_account accounts[], unsigned *count)
{
    uint8_t from[RECORD_ACCOUNT_KEY_LEN + 1] = {0};
    size_t from_len = 0;
    int code = 0;
    if (after != NULL) {
        memcpy(from, after->octets, sizeof(after->octets));
        from_len = sizeof(from); /* the key with a further octet: the first one behind it */
    }
    *count = 0;
    if (!store_hold(store)) {
        return TXTD_EIO;
    }
    const struct database *database = &store->database;
    if (database->db == NULL) {
        code = TXTD_EIO;
    } else {
        rocksdb_readoptions_t *options = rocksdb_readoptions_create();
        rocksdb_iterator_t *iterator = iterate(database, FAMILY_ACCOUNTS, from, from_len, options);
        for (; code == 0 && *count < limit && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
            code = account_at(iterator, &accounts[*count]);
            *count += code == 0;
        }
        code = iterate_end(database, iterator, options, code);
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}

static int compare_newest_first(const void *a, const void *b)
{
    const struct store_event *left = a;
    const struct store_event *right = b;
    return (left->version < right->version) - (left->version > right->version);
}

/* Takes what stands under the iterator. */
static int history_at(const rocksdb_iterator_t *iterator, struct store_event events[STORE_HISTORY_MAX], unsigned *count,
                      struct store_usage *usage)
{
    size_t key_len = 0;
    size_t len = 0;
    const uint8_t *key = (const uint8_t *)rocksdb_iter_key(iterator, &key_len);
    const uint8_t *record = (const uint8_t *)rocksdb_iter_value(iterator, &len);
    if (key_len != RECORD_HISTORY_KEY_LEN) {
        return TXTD_ECORRUPT;
    }
    uint8_t place = key[RECORD_HISTORY_KEY_LEN - 1];
    if (place == RECORD_USAGE_PLACE) {
        return record_usage_decode(record, len, usage);
    }
    if (*count == STORE_HISTORY_MAX) {
        return 0;
    }
    int code = record_event_decode(record, len, &events[*count]);
    *count += code == 0;
    return code;
}

int store_read_history(struct store *store, uint16_t zone, const struct delegate_id *id,
                       struct store_event events[STORE_HISTORY_MAX], unsigned *count, struct store_usage *usage)
{
    uint8_t from[RECORD_HISTORY_KEY_LEN];
    uint8_t to[RECORD_HISTORY_KEY_LEN + 1];
    struct store_usage found = {0};
    int code = 0;
    record_history_key(zone, id, 0, from);
    record_history_key(zone, id, RECORD_USAGE_PLACE, to);
    to[RECORD_HISTORY_KEY_LEN] = 0; /* the first key behind the usage's */
    *count = 0;
    if (!store_hold(store)) {
        return TXTD_EIO;
    }
    const struct database *database = &store->database;
    if (database->db == NULL) {
        code = TXTD_EIO;
    } else {
        rocksdb_readoptions_t *options = rocksdb_readoptions_create();
        rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)to, sizeof(to));
        rocksdb_iterator_t *iterator = iterate(database, FAMILY_HISTORY, from, sizeof(from), options);
        for (; code == 0 && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
            code = history_at(iterator, events, count, &found);
        }
        code = iterate_end(database, iterator, options, code);
    }
    pthread_rwlock_unlock(&store->reopening);
    qsort(events, *count, sizeof(events[0]), compare_newest_first);
    if (usage != NULL) {
        *usage = found;
    }
    return code;
}

int store_read_revoked(struct store *store, const struct store_key *key, struct store_revoked *revoked)
{
    uint8_t name[RECORD_REVOKED_KEY_MAX];
    const char *keys[] = {(const char *)name};
    size_t lens[] = {record_revoked_key(key, name)};
    rocksdb_pinnableslice_t *value = NULL;
    int code = TXTD_EIO;
    if (!store_hold(store)) {
        return code;
    }
    if (store->database.db != NULL) {
        database_read_many(&store->database, FAMILY_META, 1, keys, lens, &value, &code);
    }
    if (code == 0) {
        size_t len = 0;
        const uint8_t *record = (const uint8_t *)rocksdb_pinnableslice_value(value, &len);
        code = record_revoked_decode(record, len, revoked);
        rocksdb_pinnableslice_destroy(value);
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}

/* The keys of a run of notes, and what is stored for them. */
struct usage_run {
    uint8_t keys[DATABASE_READ_MAX][RECORD_HISTORY_KEY_LEN];
    const char *pointers[DATABASE_READ_MAX];
    size_t lens[DATABASE_READ_MAX];
    rocksdb_pinnableslice_t *values[DATABASE_READ_MAX];
    int codes[DATABASE_READ_MAX];
};

/* Puts one sum into the batch. Returns 0 or a code. */
static int usage_put(const struct database *database, rocksdb_writebatch_t *batch, const struct usage_run *run,
                     size_t at, const struct store_usage_note *note)
{
    struct store_usage usage = {0};
    uint8_t record[RECORD_USAGE_MAX];
    int code = run->codes[at] == TXTD_ENOTFOUND ? 0 : run->codes[at];
    if (run->codes[at] == 0) {
        size_t len = 0;
        const uint8_t *stored = (const uint8_t *)rocksdb_pinnableslice_value(run->values[at], &len);
        code = record_usage_decode(stored, len, &usage);
    }
    if (code != 0) {
        return code;
    }
    usage.asked_at_s = note->usage.asked_at_s > usage.asked_at_s ? note->usage.asked_at_s : usage.asked_at_s;
    usage.asked_count += note->usage.asked_count;
    int len = record_usage_encode(&usage, record, sizeof(record));
    rocksdb_writebatch_put_cf(batch, database->families[FAMILY_HISTORY], run->pointers[at], run->lens[at],
                              (const char *)record, (size_t)len); /* times that were read or noted are not negative */
    return 0;
}

/* Puts the sums of one run into the batch. Returns 0 or the first code. */
static int usage_put_run(const struct database *database, rocksdb_writebatch_t *batch,
                         const struct store_usage_note notes[], size_t count)
{
    struct usage_run run;
    int code = 0;
    for (size_t i = 0; i < count; i++) {
        record_history_key(notes[i].zone, &notes[i].delegate, RECORD_USAGE_PLACE, run.keys[i]);
        run.pointers[i] = (const char *)run.keys[i];
        run.lens[i] = RECORD_HISTORY_KEY_LEN;
    }
    database_read_many(database, FAMILY_HISTORY, count, run.pointers, run.lens, run.values, run.codes);
    for (size_t i = 0; i < count; i++) {
        int one = usage_put(database, batch, &run, i, &notes[i]);
        code = code != 0 ? code : one;
        if (run.codes[i] == 0) {
            rocksdb_pinnableslice_destroy(run.values[i]);
        }
    }
    return code;
}

/* Synced, as every write is: wal_tail.h tells a torn end from damage by that. After one that failed only a new opening helps. */
static int usage_write(struct store *store, rocksdb_writebatch_t *batch)
{
    char *error = NULL;
    rocksdb_write(store->database.db, store->database.write, batch, &error);
    if (error == NULL) {
        return 0;
    }
    int code = database_error_code(error) == TXTD_ENOSPC ? TXTD_ENOSPC : TXTD_EIO;
    database_note_trouble(&store->database, code, error);
    rocksdb_free(error);
    atomic_store_explicit(&store->broken, true, memory_order_release);
    return code;
}

static int note_usage(struct store *store, const struct store_usage_note notes[], size_t count)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    int code = 0;
    for (size_t at = 0; at < count; at += DATABASE_READ_MAX) {
        size_t some = count - at < DATABASE_READ_MAX ? count - at : DATABASE_READ_MAX;
        int one = usage_put_run(&store->database, batch, notes + at, some);
        code = code != 0 ? code : one;
    }
    int written = rocksdb_writebatch_count(batch) == 0 ? 0 : usage_write(store, batch);
    rocksdb_writebatch_destroy(batch);
    return written != 0 ? written : code;
}

int store_note_usage(struct store *store, const struct store_usage_note notes[], size_t count)
{
    int code = count > STORE_USAGE_NOTES_MAX ? TXTD_EINVAL : store_writable(store);
    if (code != 0) {
        return code;
    }
    if (!store_hold(store)) {
        return TXTD_EIO;
    }
    code = store->database.db == NULL ? TXTD_EIO : note_usage(store, notes, count);
    pthread_rwlock_unlock(&store->reopening);
    if (atomic_load(&store->broken)) {
        store_keeper_alarm(store);
    }
    return code;
}
