/* The store's own thread: looks at the free space, and opens the database anew after an I/O error. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "storage/store_internal.h"

enum { LOOK_INTERVAL_MS = 500, LOOKS_PER_MEASURE = 20, RETRY_MIN_MS = 500, RETRY_MAX_MS = 30000 };

struct store_keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool alarmed;
    bool stopping;
    char *directory;

    /* Of opening anew; the thread's own. */
    int64_t retry_at_ms; /* CLOCK_MONOTONIC; not before */
    int64_t retry_ms;    /* what was waited before this try; 0: it is the first */
    bool damage_noted;
};

static void look_at_space(struct store *store)
{
    struct statvfs space;
    if (statvfs(store->keeper->directory, &space) != 0) {
        return; /* what was known stays; a disk that is gone shows at the next commit */
    }
    uint64_t available = (uint64_t)space.f_bavail * space.f_frsize;
    atomic_store_explicit(&store->disk_available, available, memory_order_relaxed);
    atomic_store_explicit(&store->space_is_low, available < store->reserve, memory_order_relaxed);
}

/* Adds up the files; those that RocksDB deletes meanwhile do not count. */
static void measure(struct store *store)
{
    uint64_t used = 0;
    DIR *directory = opendir(store->keeper->directory);
    if (directory == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat status;
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
            used += (uint64_t)status.st_blocks * 512;
        }
    }
    (void)closedir(directory);
    atomic_store_explicit(&store->disk_used, used, memory_order_relaxed);
}

/* Undoes what the failed write may have left, durably. */
static int undo_failed_write(struct store *store)
{
    if (store->undo == NULL) {
        return 0;
    }
    char *error = NULL;
    rocksdb_write(store->database.db, store->database.write, store->undo, &error);
    if (error != NULL) {
        rocksdb_free(error);
        return TXTD_EIO;
    }
    rocksdb_writebatch_destroy(store->undo);
    store->undo = NULL;
    return 0;
}

static int open_anew(struct store *store, struct error_detail *detail)
{
    database_close(&store->database);
    int code = database_open(&store->database, false, detail);
    if (code != 0) {
        return code;
    }
    code = store_meta_check(store);
    code = code != 0 ? code : undo_failed_write(store);
    if (code != 0) {
        database_close(&store->database);
    }
    return code;
}

/* Notes what came of a try. Damage does not go away by trying: it is told once, and tried as rarely as may be. */
static void note_failure(struct store *store, int code, const struct error_detail *detail)
{
    struct store_keeper *keeper = store->keeper;
    bool is_damage = code == TXTD_ECORRUPT;
    if (!is_damage || !keeper->damage_noted) {
        database_note_trouble(&store->database, is_damage ? code : TXTD_EIO,
                              detail->text[0] == '\0' ? txtd_error_text(code) : detail->text);
    }
    keeper->damage_noted = keeper->damage_noted || is_damage;
}

/* Closes and opens the database with everybody else kept out; meanwhile, and until it works, reads and commits are answered
 * TXTD_EIO. Returns 0, or a code: to be tried again. */
static int reopen(struct store *store)
{
    struct error_detail detail = {""};
    int code = 0;
    pthread_rwlock_wrlock(&store->reopening);
    if (atomic_load(&store->broken) && !atomic_load(&store->suspended) && /* suspended since the caller looked */
        !atomic_load(&store->backing_up)) {
        code = open_anew(store, &detail);
        if (code == 0) {
            atomic_store_explicit(&store->broken, false, memory_order_release);
        } else {
            note_failure(store, code, &detail);
        }
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Each try reads all logs and keeps everybody out: so the longer it fails, the rarer. */
static void try_to_reopen(struct store *store)
{
    struct store_keeper *keeper = store->keeper;
    if (now_ms() < keeper->retry_at_ms) {
        return;
    }
    int code = reopen(store);
    if (code == 0) {
        keeper->retry_ms = 0;
        keeper->retry_at_ms = 0;
        keeper->damage_noted = false;
        return;
    }
    int64_t next_ms = keeper->retry_ms == 0 ? RETRY_MIN_MS : 2 * keeper->retry_ms;
    keeper->retry_ms = code == TXTD_ECORRUPT || next_ms > RETRY_MAX_MS ? RETRY_MAX_MS : next_ms;
    keeper->retry_at_ms = now_ms() + keeper->retry_ms;
}

/* Waits for an alarm or the next look. Returns false when the store closes. */
static bool keeper_wait(struct store_keeper *keeper)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_INTERVAL_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&keeper->lock);
    int waited = 0;
    while (!keeper->stopping && !keeper->alarmed && waited == 0) {
        waited = pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
    }
    keeper->alarmed = false;
    bool go_on = !keeper->stopping;
    pthread_mutex_unlock(&keeper->lock);
    return go_on;
}

static void *keeper_run(void *argument)
{
    struct store *store = argument;
    for (unsigned looks = 1; keeper_wait(store->keeper); looks++) {
        look_at_space(store);
        if (looks % LOOKS_PER_MEASURE == 0) {
            measure(store);
        }
        /* Opening writes too, and this RocksDB may abort when the disk is full. */
        if (atomic_load(&store->broken) && !atomic_load(&store->space_is_low)) {
            try_to_reopen(store);
        }
    }
    return NULL;
}

static void keeper_free(struct store_keeper *keeper)
{
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper->directory);
    free(keeper);
}

int store_keeper_start(struct store *store, const char *directory)
{
    struct store_keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL) {
        return TXTD_ENOMEM;
    }
    keeper->directory = strdup(directory);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    store->keeper = keeper;
    int code = keeper->directory == NULL ? TXTD_ENOMEM : 0;
    if (code == 0) {
        look_at_space(store);
        measure(store);
        code = pthread_create(&keeper->thread, NULL, keeper_run, store) != 0 ? TXTD_ESYS : 0;
    }
    if (code != 0) {
        store->keeper = NULL;
        keeper_free(keeper);
    }
    return code;
}

void store_keeper_stop(struct store *store)
{
    struct store_keeper *keeper = store->keeper;
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_mutex_unlock(&keeper->lock);
    pthread_cond_signal(&keeper->wake);
    pthread_join(keeper->thread, NULL);
    store->keeper = NULL;
    keeper_free(keeper);
}

void store_keeper_alarm(struct store *store)
{
    struct store_keeper *keeper = store->keeper;
    pthread_mutex_lock(&keeper->lock);
    keeper->alarmed = true;
    pthread_mutex_unlock(&keeper->lock);
    pthread_cond_signal(&keeper->wake);
}
