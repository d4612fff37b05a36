#include "control/expirer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/log.h"
#include "control/service.h"
#include "control/service_edits.h"

#define JUMP_MAX_S  600 /* by which the wall clock may differ from the monotonic one between two passes */
#define THREAD_NICE 15

struct expirer {
    struct service *service;
    struct log *log;
    unsigned wait_s;
    pthread_t thread;
    bool stopping;    /* atomic */
    uint64_t expired; /* atomic */
    sem_t wake;
};

/* --- Who is due --- */

static int64_t last_set_at_s(const struct delegate_state *delegate)
{
    return delegate->values_count == 0 ? 0 : delegate->values[delegate->values_count - 1].set_at_s;
}

static bool is_past(int64_t at_s, int64_t after_s, int64_t now_s)
{
    return after_s > 0 && now_s - at_s >= after_s;
}

/* Whether the account came from acme-dns and has not been heard of since: it may be in use there still. */
static bool is_imported(const struct store_account *account)
{
    for (unsigned i = 0; i < account->keys_count; i++) {
        if (account->keys[i].scheme == STORE_KEY_BCRYPT) {
            return true;
        }
    }
    return false;
}

bool expirer_may_be_due(const struct service_rules *rules, const struct store_account *account,
                        const struct delegate_state *delegate, int64_t now_s)
{
    if (account->deleted || delegate->deleted || delegate->disabled || delegate->version == 0 ||
        account->created_s <= 0) {
        return false; /* a disabled one is the operator's business */
    }
    bool never_changed = account->version == 1 && delegate->version == 1 && delegate->values_count == 0 &&
                         delegate->persistent_count == 0 && !is_imported(account);
    return (never_changed && is_past(account->created_s, rules->expire_unused_s, now_s)) ||
           (is_past(account->created_s, rules->expire_idle_s, now_s) &&
            is_past(last_set_at_s(delegate), rules->expire_idle_s, now_s));
}

/* The same with the history, and the use by DNS. */
static int look_closer(struct service *service, const struct service_rules *rules, const struct store_account *account,
                       const struct delegate_state *delegate, int64_t now_s, bool *due)
{
    struct store_event events[STORE_HISTORY_MAX];
    struct store_usage usage;
    unsigned count = 0;
    int rc = service_read_history(service, delegate, events, &count, &usage);
    if (rc != 0) {
        return rc;
    }
    int64_t used_at_s = usage.asked_at_s;
    for (unsigned i = 0; i < count; i++) {
        used_at_s = events[i].at_s > used_at_s ? events[i].at_s : used_at_s;
    }
    bool never_changed = account->version == 1 && delegate->version == 1 && !is_imported(account);
    *due = (never_changed && used_at_s == 0 && is_past(account->created_s, rules->expire_unused_s, now_s)) ||
           is_past(used_at_s > account->created_s ? used_at_s : account->created_s, rules->expire_idle_s, now_s);
    return 0;
}

/* --- Deleting --- */

static void post(void *context)
{
    (void)sem_post(context);
}

/* Deletes it, unless it has changed meanwhile. Returns whether it did. */
static bool expire(struct service *service, const struct store_account *account, const struct delegate_state *delegate)
{
    struct service_edit_call *call;
    sem_t done;
    if (service_edit_new(service, &call) != 0) {
        return false; /* the next pass will */
    }
    struct service_edit *edit = service_edit_of(call);
    edit->kind = SERVICE_EDIT_EXPIRE;
    edit->expects_version = true;
    edit->versions[edit->versions_count++] = delegate->version;
    bool expired = false;
    if (sem_init(&done, 0, 0) == 0) {
        if (service_edit_prepare_expiry(call, account) == 0) {
            service_edit_submit(call, post, &done);
            while (sem_wait(&done) != 0) {
            }
            expired = service_edit_result(call) == 0;
        }
        (void)sem_destroy(&done);
    }
    service_edit_free(call);
    return expired;
}

/* --- A pass --- */

static bool is_stopping(const bool *stopping)
{
    return stopping != NULL && __atomic_load_n(stopping, __ATOMIC_ACQUIRE);
}

static int pass_over_page(struct service *service, const struct service_rules *rules, const struct service_page *page,
                          struct expirer_pass *pass, const bool *stopping)
{
    for (unsigned i = 0; i < page->count && pass->expired < pass->expired_max && !is_stopping(stopping); i++) {
        bool due = false;
        if (expirer_may_be_due(rules, &page->accounts[i], &page->delegates[i], pass->now_s)) {
            int rc = look_closer(service, rules, &page->accounts[i], &page->delegates[i], pass->now_s, &due);
            if (rc != 0) {
                return rc;
            }
        }
        pass->expired += due && expire(service, &page->accounts[i], &page->delegates[i]);
        pass->after = page->accounts[i].username;
    }
    return 0;
}

/* A page, by the rules of this moment: a pass may take hours, and an operator who turns expiry off means now. */
static int look_at_page(struct service *service, struct expirer_pass *pass, const struct delegate_id *after,
                        struct service_page *page, const bool *stopping, bool *more)
{
    struct service_rules *rules = service_rules_hold(service);
    int rc = 0;
    *more = rules->expire_unused_s > 0 || rules->expire_idle_s > 0;
    if (*more) {
        rc = service_read_page(service, after, SERVICE_PAGE_MAX, page);
        if (rc == 0) {
            rc = pass_over_page(service, rules, page, pass, stopping);
            *more = page->more && page->count > 0;
        }
    }
    service_rules_release(rules);
    return rc;
}

int expirer_pass(struct service *service, struct expirer_pass *pass, const bool *stopping)
{
    const struct timespec pause = {.tv_nsec = 1000000000 / EXPIRER_PAGES_PER_S};
    struct service_page *page = malloc(sizeof *page);
    bool first = !pass->more, more = true;
    int rc = page == NULL ? TXTD_ENOMEM : 0;
    pass->expired = 0;
    while (rc == 0 && more && pass->expired < pass->expired_max && !is_stopping(stopping)) {
        rc = look_at_page(service, pass, first ? NULL : &pass->after, page, stopping, &more);
        first = false;
        if (more && rc == 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    pass->more = rc == 0 && pass->expired >= pass->expired_max;
    free(page);
    return rc;
}

/* --- The thread --- */

static int64_t seconds_of(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return now.tv_sec;
}

/* What the wall clock is ahead of the monotonic one; it changes when somebody sets the time. */
static int64_t clock_offset_s(void)
{
    return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
}

static void pass_and_tell(struct expirer *expirer, struct expirer_pass *pass)
{
    pass->now_s = seconds_of(CLOCK_REALTIME);
    pass->expired_max = EXPIRER_PASS_MAX;
    int rc = expirer_pass(expirer->service, pass, &expirer->stopping);
    (void)__atomic_add_fetch(&expirer->expired, pass->expired, __ATOMIC_RELAXED);
    if (rc != 0) {
        log_event(expirer->log, LOG_LEVEL_WARNING, "expiry.failed", log_text("error", txtd_error_text(rc)),
                  log_text("hint", "it is tried again in an hour"));
    }
    if (pass->expired > 0) {
        log_event(expirer->log, LOG_LEVEL_INFO, "expiry.end", log_uint("delegates", pass->expired),
                  log_bool("more", pass->more));
    }
}

/* Returns false when it is time to end. */
static bool wait_for(struct expirer *expirer, unsigned seconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    while (sem_clockwait(&expirer->wake, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR) {
    }
    return !is_stopping(&expirer->stopping);
}

static void *run(void *argument)
{
    struct expirer *expirer = argument;
    struct expirer_pass pass = {0};
    int64_t offset_s = clock_offset_s();
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), THREAD_NICE);
    log_event(expirer->log, LOG_LEVEL_INFO, "expiry.waits", log_uint("for_s", expirer->wait_s),
              log_text("hint", "nothing is expired before the clock has stood so long"));
    bool goes_on = wait_for(expirer, expirer->wait_s);
    while (goes_on) {
        int64_t now_offset_s = clock_offset_s();
        int64_t jump_s = now_offset_s - offset_s;
        if (jump_s > JUMP_MAX_S || jump_s < -JUMP_MAX_S) {
            log_event(expirer->log, LOG_LEVEL_WARNING, "expiry.clock_jumped", log_int("by_s", jump_s),
                      log_text("hint", "nothing is expired this time; look at the clock"));
            pass.more = false;
        } else {
            pass_and_tell(expirer, &pass);
        }
        offset_s = now_offset_s;
        goes_on = pass.more ? !is_stopping(&expirer->stopping) : wait_for(expirer, EXPIRER_EVERY_S);
    }
    return NULL;
}

int expirer_start(struct service *service, struct log *log, unsigned wait_s, struct expirer **expirer)
{
    struct expirer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->service = service;
    made->log = log;
    made->wait_s = wait_s;
    if (sem_init(&made->wake, 0, 0) != 0) {
        free(made);
        return TXTD_ESYS;
    }
    if (pthread_create(&made->thread, NULL, run, made) != 0) {
        (void)sem_destroy(&made->wake);
        free(made);
        return TXTD_ESYS;
    }
    (void)pthread_setname_np(made->thread, "txtd-expiry");
    *expirer = made;
    return 0;
}

void expirer_stop(struct expirer *expirer)
{
    if (expirer == NULL) {
        return;
    }
    __atomic_store_n(&expirer->stopping, true, __ATOMIC_RELEASE);
    (void)sem_post(&expirer->wake);
    (void)pthread_join(expirer->thread, NULL);
    (void)sem_destroy(&expirer->wake);
    free(expirer);
}

uint64_t expirer_expired(const struct expirer *expirer)
{
    return __atomic_load_n(&expirer->expired, __ATOMIC_RELAXED);
}
