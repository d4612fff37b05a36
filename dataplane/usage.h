/* usage.h: which delegates are asked for: each worker notes them in a ring of its own, one thread takes the notes out.
 *
 * A full ring loses notes and counts that: answering never waits. A ring has one writer, its worker, and one reader.
 */
#ifndef TXTD_DATAPLANE_USAGE_H
#define TXTD_DATAPLANE_USAGE_H

#include <stdint.h>

#include "dataplane/zone/delegate.h"

#define USAGE_RING_LEN  4096 /* notes; a power of two */
#define USAGE_RINGS_MAX 512  /* workers of all transports */

struct usage_note {
    struct delegate_id id;
    uint16_t zone;
};

struct usage_ring {
    uint32_t head __attribute__((aligned(64))); /* the reader's: notes taken out so far */
    uint32_t tail __attribute__((aligned(64))); /* the worker's: notes put in so far */
    uint32_t head_seen;                         /* the worker's: head as it last looked */
    uint64_t lost;                              /* the worker's: there was no room */
    struct usage_note notes[USAGE_RING_LEN];
};

struct usage_rings;

/* Returns NULL when out of memory. */
struct usage_rings *usage_rings_new(void);

/* No worker and no reader may be left. NULL is fine. */
void usage_rings_free(struct usage_rings *rings);

/* A ring for one worker, which the rings own; NULL: out of memory, or USAGE_RINGS_MAX are given out: nothing is noted then. One thread
 * at a time, beside the reader. */
struct usage_ring *usage_rings_add(struct usage_rings *rings);

/* Takes every note out of every ring. One thread at a time. Returns how many there were. */
uint64_t usage_rings_take(struct usage_rings *rings, void (*each)(void *context, const struct usage_note *note),
                          void *context);

/* Notes lost for want of room, in all. Any thread. */
uint64_t usage_rings_lost(const struct usage_rings *rings);

/* The delegate was asked for. The ring's worker only; `ring` may be NULL. */
static inline void usage_ring_note(struct usage_ring *ring, uint16_t zone, const struct delegate_id *id)
{
    if (ring == NULL) {
        return;
    }
    const uint32_t tail = ring->tail;
    if (tail - ring->head_seen == USAGE_RING_LEN) {
        ring->head_seen = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
        if (tail - ring->head_seen == USAGE_RING_LEN) {
            __atomic_store_n(&ring->lost, ring->lost + 1, __ATOMIC_RELAXED);
            return;
        }
    }
    struct usage_note *note = &ring->notes[tail & (USAGE_RING_LEN - 1)];
    note->id = *id;
    note->zone = zone;
    __atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
}

#endif
