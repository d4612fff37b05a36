#include "storage/committer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "storage/committer_batch.h"

static const uint64_t class_us[COMMITTER_CLASSES] = {500,   1000,  2000,   5000,    10000,
                                                     20000, 50000, 100000, 1000000, 10000000};

struct request_list {
    struct change_request *first;
    struct change_request *last;
};

struct committer {
    struct store *store;
    struct feed *feed;
    size_t queue_max;
    size_t batch_max;
    int nice;
    pthread_t thread;
    struct committer_batch *batch;

    /* Requests that wait for a commit. */
    pthread_mutex_t queue_lock;
    pthread_cond_t queue_filled;
    struct request_list queue;
    size_t queue_count;
    bool queue_closed;
    bool committer_waits;

    /* Requests that are durable and wait to be served, in the order of their revisions. */
    pthread_mutex_t served_lock;
    struct request_list unserved;
    _Atomic uint64_t served_revision; /* written under the lock */

    uint64_t fed_revision; /* the committer thread's: of the last message to the feed */

    /* Counters: written by the committer thread, but for refused_full. */
    _Atomic uint64_t requests, commits, refused_full, failed, conflicts, queue_depth, commit_us_total, commit_us_max;
    _Atomic uint64_t commits_by_us[COMMITTER_CLASSES];
};

static void list_append(struct request_list *list, struct change_request *request)
{
    request->next = NULL;
    if (list->last == NULL) {
        list->first = request;
    } else {
        list->last->next = request;
    }
    list->last = request;
}

/* Takes off the first request. The list is not empty. */
static struct change_request *list_take(struct request_list *list)
{
    struct change_request *request = list->first;
    list->first = request->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    return request;
}

/* Calls back for a whole list. A request may be gone once it was called back. */
static void list_complete(struct request_list list)
{
    while (list.first != NULL) {
        struct change_request *request = list_take(&list);
        request->complete(request, request->result);
    }
}

static void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

int committer_submit(struct committer *committer, struct change_request *request)
{
    pthread_mutex_lock(&committer->queue_lock);
    if (committer->queue_closed || committer->queue_count >= committer->queue_max) {
        int code = committer->queue_closed ? TXTD_ECLOSED : TXTD_EFULL;
        pthread_mutex_unlock(&committer->queue_lock);
        count(&committer->refused_full, code == TXTD_EFULL);
        return code;
    }
    list_append(&committer->queue, request);
    committer->queue_count++;
    atomic_store_explicit(&committer->queue_depth, committer->queue_count, memory_order_relaxed);
    bool wake = committer->committer_waits;
    committer->committer_waits = false;
    pthread_mutex_unlock(&committer->queue_lock);
    if (wake) {
        pthread_cond_signal(&committer->queue_filled);
    }
    return 0;
}

/* Waits for requests and moves them into the batch. Returns false once closed and empty. */
static bool queue_take(struct committer *committer)
{
    committer_batch_clear(committer->batch);
    pthread_mutex_lock(&committer->queue_lock);
    while (committer->queue_count == 0 && !committer->queue_closed) {
        committer->committer_waits = true;
        pthread_cond_wait(&committer->queue_filled, &committer->queue_lock);
    }
    committer->committer_waits = false;
    size_t taken = committer->queue_count < committer->batch_max ? committer->queue_count : committer->batch_max;
    struct request_list list = {0};
    for (size_t i = 0; i < taken; i++) {
        list_append(&list, list_take(&committer->queue));
    }
    committer->queue_count -= taken;
    atomic_store_explicit(&committer->queue_depth, committer->queue_count, memory_order_relaxed);
    pthread_mutex_unlock(&committer->queue_lock);
    while (list.first != NULL) {
        committer_batch_add(committer->batch, list_take(&list));
    }
    count(&committer->requests, taken);
    return taken != 0;
}

/* Takes off what is served, under the lock. */
static struct request_list take_served(struct committer *committer)
{
    struct request_list served = {0};
    while (committer->unserved.first != NULL && committer->unserved.first->revision <= committer->served_revision) {
        list_append(&served, list_take(&committer->unserved));
    }
    return served;
}

void committer_published(struct committer *committer, uint64_t revision)
{
    pthread_mutex_lock(&committer->served_lock);
    if (revision > committer->served_revision) {
        committer->served_revision = revision;
    }
    struct request_list served = take_served(committer);
    pthread_mutex_unlock(&committer->served_lock);
    list_complete(served);
}

/* Hands the changes to the feed's consumer, who is woken once for all of them. */
static void batch_feed(struct committer *committer)
{
    uint8_t message[FEED_MESSAGE_MAX];
    int waiting = 0; /* octets of the message before */
    for (size_t i = 0; i < committer_batch_count(committer->batch); i++) {
        struct batch_outcome outcome = committer_batch_outcome(committer->batch, i);
        if (outcome.state == NULL) {
            continue;
        }
        if (waiting > 0 && feed_append_of_many(committer->feed, message, (size_t)waiting) != 0) {
            return; /* closed: there is no consumer any more; committer_free completes the requests */
        }
        waiting = feed_message_encode(outcome.revision, outcome.state, message, sizeof(message));
        if (waiting < 0) {
            return;
        }
    }
    if (waiting > 0) {
        (void)feed_append(committer->feed, message, (size_t)waiting);
    }
}

/* Sorts the requests by what became of them: failed ones are completed now, the others once they are served. A request
 * without a message of its own waits for the last message before it: then what it saw is served too. */
static void batch_settle(struct committer *committer)
{
    struct request_list failed = {0};
    struct request_list durable = {0};
    for (size_t i = 0; i < committer_batch_count(committer->batch); i++) {
        struct batch_outcome outcome = committer_batch_outcome(committer->batch, i);
        if (outcome.state != NULL) {
            committer->fed_revision = outcome.revision;
        }
        outcome.request->result = outcome.result;
        outcome.request->revision = committer->fed_revision;
        list_append(outcome.result == 0 ? &durable : &failed, outcome.request);
        count(&committer->conflicts, outcome.result == TXTD_ECONFLICT);
    }
    /* They stand in line before the consumer can see their messages. */
    pthread_mutex_lock(&committer->served_lock);
    while (durable.first != NULL) {
        list_append(&committer->unserved, list_take(&durable));
    }
    struct request_list served = take_served(committer);
    pthread_mutex_unlock(&committer->served_lock);
    batch_feed(committer);
    list_complete(failed);
    list_complete(served);
}

static uint64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void batch_commit(struct committer *committer, size_t changes)
{
    uint64_t start_us = monotonic_us();
    int code = committer_batch_commit(committer->batch, committer->store);
    uint64_t took_us = monotonic_us() - start_us;
    if (code != 0) {
        count(&committer->failed, changes);
        return;
    }
    count(&committer->commits, 1);
    count(&committer->commit_us_total, took_us);
    for (unsigned i = 0; i < COMMITTER_CLASSES; i++) {
        if (took_us <= class_us[i]) {
            count(&committer->commits_by_us[i], 1);
            break;
        }
    }
    if (took_us > atomic_load_explicit(&committer->commit_us_max, memory_order_relaxed)) {
        atomic_store_explicit(&committer->commit_us_max, took_us, memory_order_relaxed);
    }
}

static void *committer_run(void *argument)
{
    struct committer *committer = argument;
    if (committer->nice != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), committer->nice);
    }
    while (queue_take(committer)) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        size_t changes = committer_batch_decide(committer->batch, committer->store, now.tv_sec);
        if (changes != 0) {
            batch_commit(committer, changes);
        }
        batch_settle(committer);
    }
    feed_close(committer->feed);
    return NULL;
}

static void committer_destroy(struct committer *committer)
{
    committer_batch_free(committer->batch);
    pthread_cond_destroy(&committer->queue_filled);
    pthread_mutex_destroy(&committer->queue_lock);
    pthread_mutex_destroy(&committer->served_lock);
    free(committer);
}

int committer_start(struct store *store, struct feed *feed, const struct committer_settings *settings,
                    struct committer **committer)
{
    if (settings->queue_max == 0 || settings->batch_max == 0) {
        return TXTD_EINVAL;
    }
    struct committer *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->store = store;
    made->feed = feed;
    made->queue_max = settings->queue_max;
    made->batch_max = settings->batch_max;
    made->nice = settings->nice;
    made->fed_revision = store_revision(store); /* the start-up scan serves everything up to here */
    made->served_revision = made->fed_revision;
    pthread_mutex_init(&made->queue_lock, NULL);
    pthread_cond_init(&made->queue_filled, NULL);
    pthread_mutex_init(&made->served_lock, NULL);
    int code = committer_batch_new(settings->batch_max, &made->batch);
    if (code == 0 && pthread_create(&made->thread, NULL, committer_run, made) != 0) {
        code = TXTD_ESYS;
    }
    if (code != 0) {
        committer_destroy(made);
        return code;
    }
    (void)pthread_setname_np(made->thread, "txtd-commit");
    *committer = made;
    return 0;
}

void committer_stop(struct committer *committer)
{
    pthread_mutex_lock(&committer->queue_lock);
    committer->queue_closed = true;
    committer->committer_waits = false;
    pthread_mutex_unlock(&committer->queue_lock);
    pthread_cond_signal(&committer->queue_filled);
    pthread_join(committer->thread, NULL);
}

void committer_free(struct committer *committer)
{
    if (committer == NULL) {
        return;
    }
    for (struct change_request *request = committer->unserved.first; request != NULL; request = request->next) {
        request->result = TXTD_ECLOSED;
    }
    list_complete(committer->unserved);
    committer_destroy(committer);
}

void committer_stats(const struct committer *committer, struct committer_stats *stats)
{
    stats->requests = atomic_load_explicit(&committer->requests, memory_order_relaxed);
    stats->commits = atomic_load_explicit(&committer->commits, memory_order_relaxed);
    stats->refused_full = atomic_load_explicit(&committer->refused_full, memory_order_relaxed);
    stats->failed = atomic_load_explicit(&committer->failed, memory_order_relaxed);
    stats->conflicts = atomic_load_explicit(&committer->conflicts, memory_order_relaxed);
    stats->queue_depth = atomic_load_explicit(&committer->queue_depth, memory_order_relaxed);
    stats->served_revision = atomic_load_explicit(&committer->served_revision, memory_order_relaxed);
    stats->queue_max = committer->queue_max;
    stats->commit_us_total = atomic_load_explicit(&committer->commit_us_total, memory_order_relaxed);
    stats->commit_us_max = atomic_load_explicit(&committer->commit_us_max, memory_order_relaxed);
    for (unsigned i = 0; i < COMMITTER_CLASSES; i++) {
        stats->classes[i].us = class_us[i];
        stats->classes[i].commits = atomic_load_explicit(&committer->commits_by_us[i], memory_order_relaxed);
    }
}
