/* The embedded store: opening, closing, reading. Commits are in store_commit.c, the scan in store_scan.c, what the store
 * does by itself in store_keeper.c. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/database_files.h"
#include "storage/store_directory.h"
#include "storage/store_internal.h"
#include "storage/wal_tail.h"

#define READER_TRIES 5

/* Files only: RocksDB makes no directories in it. */
static void remove_scratch(const char *path)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        (void)unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    (void)rmdir(path);
}

static void store_free(struct store *store)
{
    database_close(&store->database);
    database_free(&store->database);
    if (store->undo != NULL) {
        rocksdb_writebatch_destroy(store->undo);
    }
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    commit_scratch_free(store->scratch);
    free(store->directory);
    pthread_rwlock_destroy(&store->reopening);
    free(store);
}

/* Fills a made store, in the order in which things depend on one another. */
static int store_set_up(struct store *store, const struct store_options *options, struct error_detail *detail)
{
    bool is_new = false;
    int code = store_directory_claim(options->directory, &store->lock_fd, &is_new, detail);
    if (code != 0) {
        return code;
    }
    store->directory = strdup(options->directory);
    code = store->directory == NULL ? TXTD_ENOMEM : commit_scratch_new(options->history, &store->scratch);
    if (code == 0) {
        code = database_new(options, &store->database);
    }
    if (code != 0) {
        return error_describe(detail, code, "store %s: %s", options->directory, txtd_error_text(code));
    }
    code = database_open(&store->database, is_new, detail);
    if (code == 0) {
        code = store_meta_load(store, is_new, detail);
    }
    if (code == 0 && is_new) {
        code = store_directory_settle(options->directory, store->lock_fd, detail);
    }
    if (code == 0) {
        code = store_keeper_start(store, options->directory);
        if (code != 0) {
            error_describe(detail, code, "store %s: its thread cannot be started", options->directory);
        }
    }
    return code;
}

static struct store *store_new(const struct store_options *options)
{
    struct store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    made->lock_fd = -1;
    made->reserve = options->reserve;
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    /* Commits come without a pause: the keeper must not wait for one. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&made->reopening, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return made;
}

int store_open(const struct store_options *options, struct store **store, struct error_detail *detail)
{
    struct store *made = store_new(options);
    if (made == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "store %s: no memory", options->directory);
    }
    int code = store_set_up(made, options, detail);
    if (code != 0) {
        store_free(made);
        return code;
    }
    *store = made;
    return 0;
}

/* All that an opening for writing looks at. The log is RocksDB's to read, too, so its end may be torn. */
static int open_strictly(struct store *store, const char *scratch, struct error_detail *detail)
{
    const char *directory = store->database.directory;
    int code = database_files_check(directory, true, detail);
    code = code == TXTD_ESYS ? 0 : code; /* what may not be written to can be read, or RocksDB says that it cannot */
    code = code != 0 ? code : wal_tail_check(directory, detail);
    code = code != 0 ? code : database_open_strict_reader(&store->database, scratch, detail);
    return code != 0 ? code : store_meta_load(store, false, detail);
}

/* RocksDB wants a directory for its log, which stays empty; it need not outlive the opening. */
static int open_reader(struct store *store, const struct store_options *options, bool strictly,
                       struct error_detail *detail)
{
    char scratch[] = "/tmp/txtd-reader-XXXXXX";
    int code = store_directory_look(options->directory, detail);
    if (code != 0) {
        return code;
    }
    if (database_new(options, &store->database) != 0 || mkdtemp(scratch) == NULL) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be made", scratch);
    }
    for (int tries = 0; tries < READER_TRIES; tries++) {
        code =
            strictly ? open_strictly(store, scratch, detail) : database_open_reader(&store->database, scratch, detail);
        if (code == 0) {
            break; /* else a file went away between being named and being opened */
        }
        database_close(&store->database);
    }
    remove_scratch(scratch);
    return code;
}

static int store_read(const struct store_options *options, bool strictly, struct store **store,
                      struct error_detail *detail)
{
    struct store *made = store_new(options);
    if (made == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "store %s: no memory", options->directory);
    }
    int code = open_reader(made, options, strictly, detail);
    if (code != 0) {
        store_free(made);
        return code;
    }
    *store = made;
    return 0;
}

int store_open_reader(const struct store_options *options, struct store **store, struct error_detail *detail)
{
    return store_read(options, false, store, detail);
}

static int count_none(void *context, unsigned part, const struct delegate_state *state)
{
    (void)context;
    (void)part;
    (void)state;
    return 0;
}

int store_open_whole_reader(const struct store_options *options, struct store **store, struct error_detail *detail)
{
    *store = NULL;
    int code = store_read(options, true, store, detail);
    code = code != 0 ? code : store_scan(*store, 1, count_none, NULL, detail);
    if (code != 0) {
        store_close(*store);
        *store = NULL;
    }
    return code;
}

void store_flush(struct store *store)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    for (enum database_family family = 0; family < FAMILY_COUNT; family++) {
        char *error = NULL;
        rocksdb_flush_cf(store->database.db, options, store->database.families[family], &error);
        rocksdb_free(error);
    }
    rocksdb_flushoptions_destroy(options);
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    bool reads_only = store->keeper == NULL;
    if (!reads_only) {
        store_keeper_stop(store);
    }
    if (!reads_only && store->database.db != NULL && !atomic_load(&store->broken)) {
        store_flush(store);
    }
    store_free(store);
}

uint64_t store_revision(const struct store *store)
{
    return atomic_load_explicit(&store->revision, memory_order_acquire);
}

uint64_t store_delegates_estimate(const struct store *store)
{
    return atomic_load_explicit(&store->delegates, memory_order_relaxed);
}

void store_disk(const struct store *store, struct store_disk *disk)
{
    *disk = (struct store_disk){
        .used = atomic_load_explicit(&store->disk_used, memory_order_relaxed),
        .available = atomic_load_explicit(&store->disk_available, memory_order_relaxed),
        .reserve = store->reserve,
    };
}

void store_trouble(const struct store *store, struct store_trouble *trouble)
{
    pthread_mutex_lock(&store->database.trouble->lock);
    *trouble = store->database.trouble->trouble;
    pthread_mutex_unlock(&store->database.trouble->lock);
}

int store_writable(const struct store *store)
{
    if (atomic_load_explicit(&store->suspended, memory_order_acquire)) {
        return TXTD_ECLOSED;
    }
    if (atomic_load_explicit(&store->space_is_low, memory_order_relaxed)) {
        return TXTD_ENOSPC; /* also when that is why a write failed */
    }
    return atomic_load_explicit(&store->broken, memory_order_acquire) ? TXTD_EIO : 0;
}

int store_read_delegate(struct store *store, uint16_t zone, const struct delegate_id *id, struct delegate_state *state)
{
    state->zone = zone;
    state->id = *id;
    struct store_lookup lookup = {.delegate = state};
    store_read_many(store, &lookup, 1);
    return lookup.delegate_result;
}

int store_read_account(struct store *store, const struct delegate_id *username, struct store_account *account)
{
    account->username = *username;
    struct store_lookup lookup = {.account = account};
    store_read_many(store, &lookup, 1);
    return lookup.account_result;
}

/* One batched read: up to DATABASE_READ_MAX keys of one family, and whose they are. */
struct read_batch {
    size_t count;
    const char *keys[DATABASE_READ_MAX];
    size_t lens[DATABASE_READ_MAX];
    struct store_lookup *lookups[DATABASE_READ_MAX];
    rocksdb_pinnableslice_t *values[DATABASE_READ_MAX];
    int codes[DATABASE_READ_MAX];
};

static void read_delegates(const struct database *database, struct store_lookup lookups[], size_t count)
{
    struct read_batch batch = {.count = 0};
    uint8_t keys[DATABASE_READ_MAX][RECORD_DELEGATE_KEY_LEN];
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].delegate == NULL) {
            continue;
        }
        size_t at = batch.count++;
        record_delegate_key(lookups[i].delegate->zone, &lookups[i].delegate->id, keys[at]);
        batch.keys[at] = (const char *)keys[at];
        batch.lens[at] = RECORD_DELEGATE_KEY_LEN;
        batch.lookups[at] = &lookups[i];
    }
    database_read_many(database, FAMILY_DELEGATES, batch.count, batch.keys, batch.lens, batch.values, batch.codes);
    for (size_t i = 0; i < batch.count; i++) {
        int code = batch.codes[i];
        if (code == 0) {
            size_t len = 0;
            const char *value = rocksdb_pinnableslice_value(batch.values[i], &len);
            code = record_delegate_decode((const uint8_t *)value, len, batch.lookups[i]->delegate);
            rocksdb_pinnableslice_destroy(batch.values[i]);
        }
        batch.lookups[i]->delegate_result = code;
    }
}

static void read_accounts(const struct database *database, struct store_lookup lookups[], size_t count)
{
    struct read_batch batch = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].account == NULL) {
            continue;
        }
        size_t at = batch.count++;
        batch.keys[at] = (const char *)lookups[i].account->username.octets;
        batch.lens[at] = RECORD_ACCOUNT_KEY_LEN;
        batch.lookups[at] = &lookups[i];
    }
    database_read_many(database, FAMILY_ACCOUNTS, batch.count, batch.keys, batch.lens, batch.values, batch.codes);
    for (size_t i = 0; i < batch.count; i++) {
        int code = batch.codes[i];
        if (code == 0) {
            size_t len = 0;
            const char *value = rocksdb_pinnableslice_value(batch.values[i], &len);
            code = record_account_decode((const uint8_t *)value, len, batch.lookups[i]->account);
            rocksdb_pinnableslice_destroy(batch.values[i]);
        }
        batch.lookups[i]->account_result = code;
    }
}

static void refuse_reads(struct store_lookup lookups[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lookups[i].delegate_result = TXTD_EIO;
        lookups[i].account_result = TXTD_EIO;
    }
}

void store_read_many(struct store *store, struct store_lookup lookups[], size_t count)
{
    if (!store_hold(store)) {
        refuse_reads(lookups, count);
        return;
    }
    if (store->database.db == NULL) {
        refuse_reads(lookups, count);
    } else {
        for (size_t at = 0; at < count; at += DATABASE_READ_MAX) {
            size_t some = count - at < DATABASE_READ_MAX ? count - at : DATABASE_READ_MAX;
            read_delegates(&store->database, lookups + at, some);
            read_accounts(&store->database, lookups + at, some);
        }
    }
    pthread_rwlock_unlock(&store->reopening);
}
