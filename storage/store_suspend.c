/* Giving the database to another process and taking it back: for a successor that takes over (control/takeover.h). */
#include <unistd.h>

#include "storage/store_directory.h"
#include "storage/store_internal.h"

int store_suspend(struct store *store)
{
    pthread_rwlock_wrlock(&store->reopening);
    /* A store that is broken has a write to undo, which only this process knows of. */
    bool kept = atomic_load(&store->broken) || atomic_load(&store->backing_up) || store->database.db == NULL;
    int code = kept ? TXTD_EIO : 0;
    if (code == 0) {
        atomic_store_explicit(&store->suspended, true, memory_order_release);
        store_flush(store);
        database_close(&store->database);
        (void)close(store->lock_fd);
        store->lock_fd = -1;
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}

int store_resume(struct store *store, struct error_detail *detail)
{
    pthread_rwlock_wrlock(&store->reopening);
    bool is_new = false; /* it was whole, or we had not opened it */
    int code = store_directory_claim(store->directory, &store->lock_fd, &is_new, detail);
    if (code == 0) {
        code = database_open(&store->database, false, detail);
        if (code == 0) {
            code = store_meta_check(store);
            if (code != 0) {
                (void)error_describe(detail, code, "store %s: it lacks what was committed", store->directory);
                database_close(&store->database);
            }
        }
        if (code == 0) {
            atomic_store_explicit(&store->suspended, false, memory_order_release);
        } else {
            (void)close(store->lock_fd);
            store->lock_fd = -1;
        }
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}
