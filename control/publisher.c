#include "control/publisher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/log.h"
#include "control/sweep_clock.h"
#include "control/value_ttls.h"
#include "dataplane/zone/delegate_table.h"
#include "storage/committer.h"
#include "storage/feed.h"

#define BATCH_MAX      128   /* messages applied before they are acknowledged, so that nobody waits long */
#define SWEEP_EVERY_MS 100   /* and how long the thread sleeps at most */
#define SWEEP_BUDGET   16384 /* slots a sweep looks at: a few hundred microseconds */

struct publisher {
    struct feed *feed;
    struct committer *committer;
    struct delegate_table *table;
    const struct value_ttls *ttls;
    struct log *log;
    int nice;
    pthread_t thread;
    uint64_t swept_ms; /* monotonic clock of the last sweep */
    struct sweep_clock sweep_clock;
    _Atomic uint64_t revision, applied, expired, stalls;
};

static void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static uint64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int64_t clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec;
}

/* Applies one change. It is durable already, so there is no way to refuse it: without memory the thread tries again, and the
 * requests behind it wait or run into the committer's bound (503) rather than be answered before they are served. */
static void apply(struct publisher *publisher, const struct delegate_state *state)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000000};
    uint32_t ttl_s = value_ttls_get(publisher->ttls, state->zone);
    for (unsigned tries = 0;; tries++) {
        int rc = delegate_table_apply(publisher->table, state, ttl_s);
        if (rc != TXTD_ENOMEM) {
            if (rc != 0) {
                char id[DELEGATE_ID_TEXT_LEN + 1];
                delegate_id_format(&state->id, id);
                log_event(publisher->log, LOG_LEVEL_ERROR, "publish.refused", log_text("delegate", id),
                          log_text("error", txtd_error_text(rc)));
            }
            return;
        }
        count(&publisher->stalls, 1);
        if (tries % 50 == 0) {
            log_event(publisher->log, LOG_LEVEL_ERROR, "publish.stalled",
                      log_text("error", "no memory to publish a change; changes wait until there is"));
        }
        nanosleep(&pause, NULL);
    }
}

static void sweep_when_due(struct publisher *publisher)
{
    uint64_t now_ms = mono_ms();
    if (now_ms - publisher->swept_ms >= SWEEP_EVERY_MS) {
        publisher->swept_ms = now_ms;
        int64_t by_s = sweep_clock_now_s(&publisher->sweep_clock, clock_s(CLOCK_REALTIME), clock_s(CLOCK_BOOTTIME));
        count(&publisher->expired, delegate_table_sweep(publisher->table, by_s, SWEEP_BUDGET));
    }
}

/* Takes one message if there is one. Returns feed_next's code; *revision is that of the message. */
static int take(struct publisher *publisher, unsigned timeout_ms, uint64_t *revision)
{
    uint8_t message[FEED_MESSAGE_MAX];
    struct delegate_state state;
    int len = feed_next(publisher->feed, message, sizeof message, timeout_ms);
    if (len <= 0) {
        return len;
    }
    int rc = feed_message_decode(message, (size_t)len, revision, &state);
    if (rc != 0) {
        log_event(publisher->log, LOG_LEVEL_ERROR, "publish.undecodable", log_text("error", txtd_error_text(rc)));
        return len;
    }
    apply(publisher, &state);
    count(&publisher->applied, 1);
    return len;
}

static void *publisher_run(void *argument)
{
    struct publisher *publisher = argument;
    int len = 0;
    if (publisher->nice != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), publisher->nice);
    }
    while (len != TXTD_ECLOSED) {
        uint64_t revision = 0;
        len = take(publisher, SWEEP_EVERY_MS, &revision);
        for (unsigned i = 1; len > 0 && i < BATCH_MAX; i++) {
            len = take(publisher, 0, &revision);
        }
        if (revision > 0) {
            atomic_store_explicit(&publisher->revision, revision, memory_order_relaxed);
            committer_published(publisher->committer, revision);
        }
        sweep_when_due(publisher);
    }
    return NULL;
}

int publisher_start(struct feed *feed, struct committer *committer, struct delegate_table *table,
                    const struct value_ttls *ttls, struct log *log, int nice, struct publisher **publisher)
{
    struct publisher *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->feed = feed;
    made->committer = committer;
    made->table = table;
    made->ttls = ttls;
    made->log = log;
    made->nice = nice;
    made->swept_ms = mono_ms();
    sweep_clock_init(&made->sweep_clock, clock_s(CLOCK_REALTIME), clock_s(CLOCK_BOOTTIME));
    if (pthread_create(&made->thread, NULL, publisher_run, made) != 0) {
        free(made);
        return TXTD_ESYS;
    }
    (void)pthread_setname_np(made->thread, "txtd-publish");
    *publisher = made;
    return 0;
}

void publisher_join(struct publisher *publisher)
{
    if (publisher != NULL) {
        pthread_join(publisher->thread, NULL);
        free(publisher);
    }
}

void publisher_stats(const struct publisher *publisher, struct publisher_stats *stats)
{
    stats->revision = atomic_load_explicit(&publisher->revision, memory_order_relaxed);
    stats->applied = atomic_load_explicit(&publisher->applied, memory_order_relaxed);
    stats->expired = atomic_load_explicit(&publisher->expired, memory_order_relaxed);
    stats->stalls = atomic_load_explicit(&publisher->stalls, memory_order_relaxed);
}
