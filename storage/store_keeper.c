/* The store's own thread: looks at the free space, and opens the database anew after an I/O error. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "storage/store_internal.h"

enum { LOOK_INTERVAL_MS = 500, LOOKS_PER_MEASURE = 20 };

struct store_keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool alarmed;
    bool stopping;
    char *directory;
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

/* Closes and opens the database with everybody else kept out. What fails is tried again at the next look; meanwhile
 * reads and commits are answered TXTD_EIO. */
static void reopen(struct store *store)
{
    pthread_rwlock_wrlock(&store->reopening);
    if (!atomic_load(&store->broken) || atomic_load(&store->suspended) || /* suspended since the caller looked */
        atomic_load(&store->backing_up)) {
        pthread_rwlock_unlock(&store->reopening);
        return;
    }
    database_close(&store->database);
    struct error_detail detail = {""};
    int code = database_open(&store->database, false, &detail);
    if (code == 0) {
        code = store_meta_check(store);
        code = code != 0 ? code : undo_failed_write(store);
        if (code != 0) {
            database_close(&store->database);
        }
    }
    if (code == 0) {
        atomic_store_explicit(&store->broken, false, memory_order_release);
    } else {
        database_note_trouble(&store->database, TXTD_EIO, detail.text[0] == '\0' ? txtd_error_text(code) : detail.text);
    }
    pthread_rwlock_unlock(&store->reopening);
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
            reopen(store);
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
