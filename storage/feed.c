/* A ring of octets under one mutex: each message is its length (4 octets) and its octets, wrapping at the end. A side is
 * signalled only when it waits, so that a run of messages costs one wake-up. */
#include "storage/feed.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LENGTH_OCTETS = 4 };

struct feed {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    bool consumer_waits;
    bool producer_waits;
    bool closed;
    size_t capacity;
    size_t read_at;
    size_t used;
    uint8_t *ring;
};

int feed_new(size_t capacity, struct feed **feed)
{
    size_t least = LENGTH_OCTETS + FEED_MESSAGE_MAX;
    struct feed *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->capacity = capacity < least ? least : capacity;
    made->ring = malloc(made->capacity);
    if (made->ring == NULL) {
        free(made);
        return TXTD_ENOMEM;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->not_empty, &monotonic);
    pthread_cond_init(&made->not_full, NULL);
    pthread_condattr_destroy(&monotonic);
    *feed = made;
    return 0;
}

void feed_free(struct feed *feed)
{
    if (feed == NULL) {
        return;
    }
    pthread_cond_destroy(&feed->not_full);
    pthread_cond_destroy(&feed->not_empty);
    pthread_mutex_destroy(&feed->lock);
    free(feed->ring);
    free(feed);
}

/* Copies `len` octets in behind what is used. The room is there. */
static void ring_put(struct feed *feed, const void *octets, size_t len)
{
    size_t at = (feed->read_at + feed->used) % feed->capacity;
    size_t first = feed->capacity - at < len ? feed->capacity - at : len;
    memcpy(feed->ring + at, octets, first);
    memcpy(feed->ring, (const uint8_t *)octets + first, len - first);
    feed->used += len;
}

/* Copies the first `len` octets out, leaving them in the ring. They are there. */
static void ring_peek(const struct feed *feed, size_t offset, void *octets, size_t len)
{
    size_t at = (feed->read_at + offset) % feed->capacity;
    size_t first = feed->capacity - at < len ? feed->capacity - at : len;
    memcpy(octets, feed->ring + at, first);
    memcpy((uint8_t *)octets + first, feed->ring, len - first);
}

static void ring_drop(struct feed *feed, size_t len)
{
    feed->read_at = (feed->read_at + len) % feed->capacity;
    feed->used -= len;
}

static int append(struct feed *feed, const uint8_t *message, size_t len, bool more_follows)
{
    if (len == 0 || len > FEED_MESSAGE_MAX) {
        return TXTD_EINVAL;
    }
    uint32_t length = (uint32_t)len;
    pthread_mutex_lock(&feed->lock);
    while (!feed->closed && feed->capacity - feed->used < LENGTH_OCTETS + len) {
        feed->producer_waits = true;
        pthread_cond_signal(&feed->not_empty); /* it may not have been told of what is there */
        pthread_cond_wait(&feed->not_full, &feed->lock);
    }
    feed->producer_waits = false;
    if (feed->closed) {
        pthread_mutex_unlock(&feed->lock);
        return TXTD_ECLOSED;
    }
    ring_put(feed, &length, LENGTH_OCTETS);
    ring_put(feed, message, len);
    bool wake = feed->consumer_waits && !more_follows;
    feed->consumer_waits = feed->consumer_waits && more_follows;
    pthread_mutex_unlock(&feed->lock);
    if (wake) {
        pthread_cond_signal(&feed->not_empty);
    }
    return 0;
}

int feed_append(struct feed *feed, const uint8_t *message, size_t len)
{
    return append(feed, message, len, false);
}

int feed_append_of_many(struct feed *feed, const uint8_t *message, size_t len)
{
    return append(feed, message, len, true);
}

static struct timespec monotonic_after(unsigned timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Waits, under the lock, until there is a message, the feed is closed, or the time is over. */
static void wait_for_message(struct feed *feed, unsigned timeout_ms)
{
    if (feed->used != 0 || feed->closed || timeout_ms == 0) {
        return;
    }
    struct timespec until = monotonic_after(timeout_ms);
    int waited = 0;
    while (feed->used == 0 && !feed->closed && waited == 0) {
        feed->consumer_waits = true;
        waited = pthread_cond_timedwait(&feed->not_empty, &feed->lock, &until);
    }
    feed->consumer_waits = false;
}

int feed_next(struct feed *feed, uint8_t *message, size_t capacity, unsigned timeout_ms)
{
    pthread_mutex_lock(&feed->lock);
    wait_for_message(feed, timeout_ms);
    if (feed->used == 0) {
        int code = feed->closed ? TXTD_ECLOSED : 0;
        pthread_mutex_unlock(&feed->lock);
        return code;
    }
    uint32_t length = 0;
    ring_peek(feed, 0, &length, LENGTH_OCTETS);
    if (length > capacity) {
        pthread_mutex_unlock(&feed->lock);
        return TXTD_ETRUNCATED;
    }
    ring_peek(feed, LENGTH_OCTETS, message, length);
    ring_drop(feed, LENGTH_OCTETS + length);
    bool wake = feed->producer_waits;
    pthread_mutex_unlock(&feed->lock);
    if (wake) {
        pthread_cond_signal(&feed->not_full);
    }
    return (int)length;
}

void feed_close(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->closed = true;
    pthread_mutex_unlock(&feed->lock);
    pthread_cond_broadcast(&feed->not_empty);
    pthread_cond_broadcast(&feed->not_full);
}
