#include "control/usage_collector.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/usage.h"
#include "storage/store.h"

#define TAKE_MS     100
#define PLACES      (2 * USAGE_COLLECTOR_MAX) /* of the hash table; a power of two, never more than half full */
#define THREAD_NICE 15

struct place {
    struct usage_note note;
    uint32_t count; /* 0: empty */
};

struct usage_collector {
    struct usage_rings *rings;
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* CLOCK_MONOTONIC */
    bool stopping;
    unsigned used;                                        /* places */
    uint64_t lost;                                        /* relaxed atomic */
    struct store_usage_note notes[STORE_USAGE_NOTES_MAX]; /* of one write */
    struct place places[PLACES];
};

/* The octets of a UUID that was given out here are random; one that a client chose is never in the delegate table. */
static size_t home_of(const struct usage_note *note)
{
    uint64_t hash;
    memcpy(&hash, note->id.octets + 8, sizeof hash);
    return (size_t)((hash ^ note->zone) * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (PLACES - 1);
}

static void lose(struct usage_collector *collector, uint64_t notes)
{
    (void)__atomic_add_fetch(&collector->lost, notes, __ATOMIC_RELAXED);
}

static void add(void *context, const struct usage_note *note)
{
    struct usage_collector *collector = context;
    size_t at = home_of(note);
    struct place *place = &collector->places[at];
    while (place->count > 0 &&
           (place->note.zone != note->zone || memcmp(&place->note.id, &note->id, sizeof note->id) != 0)) {
        at = (at + 1) & (PLACES - 1);
        place = &collector->places[at];
    }
    if (place->count == 0) {
        if (collector->used == USAGE_COLLECTOR_MAX) {
            lose(collector, 1);
            return;
        }
        collector->used++;
        place->note = *note;
    }
    place->count += place->count < UINT32_MAX;
}

static void write_some(struct usage_collector *collector, size_t count)
{
    const struct store_usage_note *notes = collector->notes;
    if (count > 0 && store_note_usage(collector->store, notes, count) != 0) {
        for (size_t i = 0; i < count; i++) {
            lose(collector, notes[i].usage.asked_count);
        }
    }
}

/* In as few writes as may be: each is synced. */
static void write_all(struct usage_collector *collector)
{
    size_t count = 0;
    int64_t now_s = (int64_t)time(NULL);
    for (size_t i = 0; collector->used > 0 && i < PLACES; i++) {
        struct place *place = &collector->places[i];
        if (place->count == 0) {
            continue;
        }
        collector->notes[count++] = (struct store_usage_note){
            .zone = place->note.zone, .delegate = place->note.id, .usage = {now_s, place->count}};
        place->count = 0;
        collector->used--;
        if (count == STORE_USAGE_NOTES_MAX) {
            write_some(collector, count);
            count = 0;
        }
    }
    write_some(collector, count);
}

/* Returns false when it is time to end. */
static bool wait_ms(struct usage_collector *collector, unsigned ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&collector->lock);
    int rc = 0;
    while (!collector->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&collector->wake, &collector->lock, &until);
    }
    bool go_on = !collector->stopping;
    (void)pthread_mutex_unlock(&collector->lock);
    return go_on;
}

static void *collect(void *argument)
{
    struct usage_collector *collector = argument;
    unsigned since_write_ms = 0;
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), THREAD_NICE);
    while (wait_ms(collector, TAKE_MS)) {
        (void)usage_rings_take(collector->rings, add, collector);
        since_write_ms += TAKE_MS;
        if (since_write_ms >= USAGE_COLLECTOR_WRITE_MS) {
            write_all(collector);
            since_write_ms = 0;
        }
    }
    (void)usage_rings_take(collector->rings, add, collector);
    write_all(collector);
    return NULL;
}

int usage_collector_start(struct usage_rings *rings, struct store *store, struct usage_collector **collector)
{
    struct usage_collector *made = calloc(1, sizeof *made);
    pthread_condattr_t attributes;
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->rings = rings;
    made->store = store;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (pthread_create(&made->thread, NULL, collect, made) != 0) {
        free(made);
        return TXTD_ESYS;
    }
    (void)pthread_setname_np(made->thread, "txtd-usage");
    *collector = made;
    return 0;
}

void usage_collector_stop(struct usage_collector *collector)
{
    if (collector == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&collector->lock);
    collector->stopping = true;
    (void)pthread_cond_signal(&collector->wake);
    (void)pthread_mutex_unlock(&collector->lock);
    (void)pthread_join(collector->thread, NULL);
    (void)pthread_cond_destroy(&collector->wake);
    (void)pthread_mutex_destroy(&collector->lock);
    free(collector);
}

uint64_t usage_collector_lost(const struct usage_collector *collector)
{
    return usage_rings_lost(collector->rings) + __atomic_load_n(&collector->lost, __ATOMIC_RELAXED);
}
