#include "bench/live_history.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/population.h"
#include "control/rotation.h"
#include "storage/committer.h"

#define UNDER_WAY_MAX 2048
#define TURN_NS       1000000 /* of the pacing thread */
#define VALUE_LEN     43      /* as a dns-01 value has */

struct change {
    struct change_request request;
    struct live_history *history;
    struct change *next; /* of those that are free */
    uint64_t number;
    uint32_t turn;
};

struct turns {
    _Atomic uint32_t submitted, acknowledged;
};

struct live_history {
    struct committer *committer;
    uint64_t delegates;
    struct turns *turns;
    struct change changes[UNDER_WAY_MAX];
    pthread_mutex_t lock; /* guards the two below */
    struct change *unused;
    pthread_cond_t all_done;
    unsigned under_way;
    uint64_t random; /* the submitting thread's */
    double per_second;
    pthread_t thread;
    _Atomic bool pausing;
    _Atomic uint64_t acknowledged;
    _Atomic uint64_t latest;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_live: %s\n", what);
    exit(1);
}

static int decide(struct change_request *request, struct change_state *state, int64_t now_s)
{
    const struct change *change = (const struct change *)request;
    char value[VALUE_LEN + 1];
    (void)snprintf(value, sizeof value, "%012llu-%030u", (unsigned long long)change->number, change->turn);
    int rc = rotation_apply(&state->delegate, 2, 0, value, VALUE_LEN, now_s);
    state->write_delegate = rc == 0;
    return rc;
}

bool live_history_read(const char *text, size_t len, uint64_t *number, uint32_t *turn)
{
    char copy[VALUE_LEN + 1] = "";
    unsigned long long first;
    if (len != VALUE_LEN) {
        return false;
    }
    memcpy(copy, text, VALUE_LEN);
    if (strspn(copy, "0123456789-") != VALUE_LEN || sscanf(copy, "%12llu-%30u", &first, turn) != 2) {
        return false;
    }
    *number = first;
    return true;
}

static void complete(struct change_request *request, int result)
{
    struct change *change = (struct change *)request;
    struct live_history *history = change->history;
    if (result != 0) {
        (void)fprintf(stderr, "bench_live: a change was refused: %s\n", txtd_error_text(result));
        exit(1);
    }
    atomic_store(&history->turns[change->number].acknowledged, change->turn);
    atomic_store_explicit(&history->latest, change->number, memory_order_relaxed);
    atomic_fetch_add_explicit(&history->acknowledged, 1, memory_order_relaxed);
    pthread_mutex_lock(&history->lock);
    change->next = history->unused;
    history->unused = change;
    bool last = --history->under_way == 0;
    pthread_mutex_unlock(&history->lock);
    if (last) {
        pthread_cond_signal(&history->all_done);
    }
}

/* Changes this delegate, unless a change of it, or too many in all, are under way. */
static bool submit(struct live_history *history, uint64_t number)
{
    struct turns *turns = &history->turns[number];
    uint32_t turn = atomic_load(&turns->submitted);
    if (atomic_load(&turns->acknowledged) != turn) {
        return false;
    }
    pthread_mutex_lock(&history->lock);
    struct change *change = history->unused;
    if (change != NULL) {
        history->unused = change->next;
        history->under_way++;
    }
    pthread_mutex_unlock(&history->lock);
    if (change == NULL) {
        return false;
    }
    change->number = number;
    change->turn = turn + 1;
    change->request.delegate = population_id(number);
    atomic_store(&turns->submitted, turn + 1);
    if (committer_submit(history->committer, &change->request) != 0) {
        die("the committer's queue is full");
    }
    return true;
}

static uint64_t await_all(struct live_history *history)
{
    pthread_mutex_lock(&history->lock);
    while (history->under_way > 0) {
        pthread_cond_wait(&history->all_done, &history->lock);
    }
    pthread_mutex_unlock(&history->lock);
    return atomic_exchange(&history->acknowledged, 0);
}

void live_history_fill(struct live_history *history)
{
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t number = 0; number < history->delegates;) {
            if (submit(history, number)) {
                number++;
            } else {
                (void)nanosleep(&(const struct timespec){.tv_nsec = TURN_NS / 10}, NULL);
            }
        }
        (void)await_all(history);
    }
}

static uint64_t next_number(struct live_history *history)
{
    history->random = history->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t high = history->random >> 33;
    return (high & 1) == 0 ? (high >> 1) % LIVE_HOT : (high >> 1) % history->delegates;
}

static void *run(void *argument)
{
    struct live_history *history = argument;
    struct timespec begun, now;
    double submitted = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    while (!atomic_load_explicit(&history->pausing, memory_order_relaxed)) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        double due =
            history->per_second * ((double)(now.tv_sec - begun.tv_sec) + 1e-9 * (double)(now.tv_nsec - begun.tv_nsec));
        for (unsigned tries = 0; submitted < due && tries < UNDER_WAY_MAX; tries++) {
            submitted += submit(history, next_number(history)) ? 1 : 0;
        }
        (void)nanosleep(&(const struct timespec){.tv_nsec = TURN_NS}, NULL);
    }
    return NULL;
}

void live_history_run(struct live_history *history, double per_second)
{
    history->per_second = per_second;
    atomic_store(&history->pausing, false);
    if (pthread_create(&history->thread, NULL, run, history) != 0) {
        die("no thread");
    }
}

uint64_t live_history_pause(struct live_history *history)
{
    atomic_store(&history->pausing, true);
    (void)pthread_join(history->thread, NULL);
    return await_all(history);
}

uint32_t live_history_acknowledged(const struct live_history *history, uint64_t number)
{
    return atomic_load(&history->turns[number].acknowledged);
}

uint32_t live_history_submitted(const struct live_history *history, uint64_t number)
{
    return atomic_load(&history->turns[number].submitted);
}

uint64_t live_history_latest(const struct live_history *history)
{
    return atomic_load_explicit(&history->latest, memory_order_relaxed);
}

struct live_history *live_history_new(struct committer *committer, uint16_t zone, uint64_t delegates)
{
    struct live_history *history = calloc(1, sizeof *history);
    if (history == NULL || (history->turns = calloc(delegates, sizeof *history->turns)) == NULL) {
        die("out of memory");
    }
    history->committer = committer;
    history->delegates = delegates;
    pthread_mutex_init(&history->lock, NULL);
    pthread_cond_init(&history->all_done, NULL);
    for (unsigned i = 0; i < UNDER_WAY_MAX; i++) {
        struct change *change = &history->changes[i];
        change->request = (struct change_request){.zone = zone, .decide = decide, .complete = complete};
        change->history = history;
        change->next = history->unused;
        history->unused = change;
    }
    return history;
}

void live_history_free(struct live_history *history)
{
    pthread_cond_destroy(&history->all_done);
    pthread_mutex_destroy(&history->lock);
    free(history->turns);
    free(history);
}
