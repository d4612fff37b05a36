#include "control/expiry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/log.h"
#include "control/service.h"
#include "control/service_edits.h"

#define PAGE_PAUSE_MS    20   /* ten million accounts take a quarter of an hour */
#define ROUND_PAUSE_S    3600 /* at most; short periods are looked at more often */
#define CLOCK_DRIFT_S    3600
#define ROUNDS_IN_PERIOD 8

struct expiry {
    struct service *service;
    struct log *log;
    int nice;
    struct service_page *page; /* too large for a stack */
    time_t wall_start_s, monotonic_start_s;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    int64_t unused_s;
    bool changed, stopping;
};

/* --- Which --- */

bool expiry_is_due(const struct store_account *account, const struct delegate_state *delegate, int64_t unused_s,
                   int64_t now_s)
{
    bool untouched = account->version == 1 && delegate->version == 1 && delegate->values_count == 0 &&
                     delegate->persistent_count == 0 && !delegate->disabled;
    if (unused_s <= 0 || account->deleted || delegate->deleted || !untouched || account->created_s <= 0) {
        return false;
    }
    for (unsigned i = 0; i < account->keys_count; i++) {
        if (account->keys[i].scheme == STORE_KEY_BCRYPT) {
            return false;
        }
    }
    return now_s - account->created_s >= unused_s;
}

bool expiry_clock_holds(int64_t wall_passed_s, int64_t monotonic_passed_s)
{
    int64_t drift_s = wall_passed_s - monotonic_passed_s;
    return drift_s >= -CLOCK_DRIFT_S && drift_s <= CLOCK_DRIFT_S;
}

/* --- One page --- */

/* One edit under way, and who waits for it. */
struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

static void finish(void *context)
{
    struct waiting *waiting = context;
    pthread_mutex_lock(&waiting->lock);
    waiting->is_done = true;
    pthread_cond_signal(&waiting->done); /* within the lock: `waiting` goes as soon as that is free */
    pthread_mutex_unlock(&waiting->lock);
}

static void submit_and_wait(struct service_edit_call *call)
{
    struct waiting waiting = {.is_done = false};
    pthread_mutex_init(&waiting.lock, NULL);
    pthread_cond_init(&waiting.done, NULL);
    service_edit_submit(call, finish, &waiting);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.is_done) {
        pthread_cond_wait(&waiting.done, &waiting.lock);
    }
    pthread_mutex_unlock(&waiting.lock);
    pthread_cond_destroy(&waiting.done);
    pthread_mutex_destroy(&waiting.lock);
}

static int expire(struct service *service, const struct store_account *account, const struct delegate_state *delegate)
{
    struct service_edit_call *call;
    int result = service_edit_new(service, &call);
    if (result != 0) {
        return result;
    }
    struct service_edit *edit = service_edit_of(call);
    edit->kind = SERVICE_EDIT_EXPIRE;
    edit->expects_version = true;
    edit->version = delegate->version;
    result = service_edit_prepare_expiry(call, account);
    if (result == 0) {
        submit_and_wait(call);
        result = service_edit_result(call);
    }
    service_edit_free(call);
    return result;
}

int expiry_sweep_page(struct service *service, const struct service_page *page, int64_t unused_s, int64_t now_s)
{
    int expired = 0;
    for (unsigned i = 0; i < page->count; i++) {
        if (!expiry_is_due(&page->accounts[i], &page->delegates[i], unused_s, now_s)) {
            continue;
        }
        int result = expire(service, &page->accounts[i], &page->delegates[i]);
        if (result == 0) {
            expired++;
        } else if (result != TXTD_ECONFLICT && result != TXTD_EFORBIDDEN && result != TXTD_ENOTFOUND) {
            return result;
        }
    }
    return expired;
}

/* --- The thread --- */

static int64_t clock_s(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec;
}

/* Waits unless it is to stop; an earlier end by expiry_change if `heeds_change`. Returns the period, or -1 to end. */
static int64_t pause_ms(struct expiry *expiry, int64_t ms, bool heeds_change)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&expiry->lock);
    int waited = 0;
    while (!expiry->stopping && !(heeds_change && expiry->changed) && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&expiry->wake, &expiry->lock, &until);
    }
    if (heeds_change) {
        expiry->changed = false;
    }
    int64_t unused_s = expiry->stopping ? -1 : expiry->unused_s;
    pthread_mutex_unlock(&expiry->lock);
    return unused_s;
}

/* Through all accounts. A store that refuses ends the round: the next one begins again. */
static void sweep(struct expiry *expiry, int64_t unused_s)
{
    struct service_page *page = expiry->page;
    struct delegate_id after;
    uint64_t expired = 0;
    int result = 0;
    page->more = true;
    for (bool first = true; page->more && result >= 0; first = false) {
        result = service_read_page(expiry->service, first ? NULL : &after, SERVICE_PAGE_MAX, page);
        if (result != 0 || page->count == 0) {
            break;
        }
        after = page->accounts[page->count - 1].username;
        result = expiry_sweep_page(expiry->service, page, unused_s, clock_s(CLOCK_REALTIME));
        expired += result > 0 ? (uint64_t)result : 0;
        if (pause_ms(expiry, PAGE_PAUSE_MS, false) != unused_s) { /* told to stop, or that others are meant */
            break;
        }
    }
    if (expired > 0) {
        log_event(expiry->log, LOG_LEVEL_INFO, "expiry.round", log_uint("expired", expired),
                  log_int("unused_s", unused_s));
    }
}

static bool clock_holds(const struct expiry *expiry)
{
    return expiry_clock_holds(clock_s(CLOCK_REALTIME) - expiry->wall_start_s,
                              clock_s(CLOCK_BOOTTIME) - expiry->monotonic_start_s);
}

static void *run(void *context)
{
    struct expiry *expiry = context;
    bool warned = false;
    if (expiry->nice != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), expiry->nice);
    }
    for (int64_t unused_s = pause_ms(expiry, 0, true); unused_s >= 0;) {
        if (unused_s > 0 && clock_holds(expiry)) {
            sweep(expiry, unused_s);
        } else if (unused_s > 0 && !warned) {
            warned = true;
            log_event(expiry->log, LOG_LEVEL_WARNING, "expiry.clock",
                      log_text("reason", "the clock has jumped since the start; nothing is deleted until a restart"));
        }
        int64_t pause_s = unused_s / ROUNDS_IN_PERIOD + 1;
        pause_s = unused_s == 0 || pause_s > ROUND_PAUSE_S ? ROUND_PAUSE_S : pause_s;
        unused_s = pause_ms(expiry, pause_s * 1000, true);
    }
    return NULL;
}

int expiry_start(struct service *service, struct log *log, int64_t unused_s, int nice, struct expiry **expiry)
{
    pthread_condattr_t clock;
    struct expiry *made = calloc(1, sizeof *made);
    struct service_page *page = calloc(1, sizeof *page);
    if (made == NULL || page == NULL) {
        free(page);
        free(made);
        return TXTD_ENOMEM;
    }
    *made = (struct expiry){.service = service, .log = log, .nice = nice, .page = page, .unused_s = unused_s};
    made->wall_start_s = clock_s(CLOCK_REALTIME);
    made->monotonic_start_s = clock_s(CLOCK_BOOTTIME);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&made->wake, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&made->lock, NULL);
    if (pthread_create(&made->thread, NULL, run, made) != 0) {
        pthread_mutex_destroy(&made->lock);
        pthread_cond_destroy(&made->wake);
        free(page);
        free(made);
        return TXTD_ESYS;
    }
    *expiry = made;
    return 0;
}

void expiry_change(struct expiry *expiry, int64_t unused_s)
{
    pthread_mutex_lock(&expiry->lock);
    expiry->changed = expiry->unused_s != unused_s;
    expiry->unused_s = unused_s;
    pthread_cond_signal(&expiry->wake);
    pthread_mutex_unlock(&expiry->lock);
}

void expiry_stop(struct expiry *expiry)
{
    if (expiry == NULL) {
        return;
    }
    pthread_mutex_lock(&expiry->lock);
    expiry->stopping = true;
    pthread_cond_signal(&expiry->wake);
    pthread_mutex_unlock(&expiry->lock);
    pthread_join(expiry->thread, NULL);
    pthread_mutex_destroy(&expiry->lock);
    pthread_cond_destroy(&expiry->wake);
    free(expiry->page);
    free(expiry);
}
