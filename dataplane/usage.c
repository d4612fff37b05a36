#include "dataplane/usage.h"

#include <stdlib.h>
#include <string.h>

struct usage_rings {
    struct usage_ring *rings[USAGE_RINGS_MAX];
    unsigned count; /* grows only; written with release, after the ring */
};

struct usage_rings *usage_rings_new(void)
{
    return calloc(1, sizeof(struct usage_rings));
}

void usage_rings_free(struct usage_rings *rings)
{
    for (unsigned i = 0; rings != NULL && i < rings->count; i++) {
        free(rings->rings[i]);
    }
    free(rings);
}

struct usage_ring *usage_rings_add(struct usage_rings *rings)
{
    unsigned count = rings->count;
    struct usage_ring *ring = count == USAGE_RINGS_MAX ? NULL : aligned_alloc(64, (sizeof *ring + 63) / 64 * 64);
    if (ring != NULL) {
        ring->head = ring->tail = ring->head_seen = 0; /* the notes' pages are touched when they are used */
        ring->lost = 0;
        rings->rings[count] = ring;
        __atomic_store_n(&rings->count, count + 1, __ATOMIC_RELEASE);
    }
    return ring;
}

uint64_t usage_rings_take(struct usage_rings *rings, void (*each)(void *context, const struct usage_note *note),
                          void *context)
{
    uint64_t taken = 0;
    unsigned count = __atomic_load_n(&rings->count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++) {
        struct usage_ring *ring = rings->rings[i];
        uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
        for (uint32_t at = ring->head; at != tail; at++, taken++) {
            each(context, &ring->notes[at & (USAGE_RING_LEN - 1)]);
        }
        __atomic_store_n(&ring->head, tail, __ATOMIC_RELEASE);
    }
    return taken;
}

uint64_t usage_rings_lost(const struct usage_rings *rings)
{
    uint64_t lost = 0;
    unsigned count = __atomic_load_n(&rings->count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++) {
        lost += __atomic_load_n(&rings->rings[i]->lost, __ATOMIC_RELAXED);
    }
    return lost;
}
