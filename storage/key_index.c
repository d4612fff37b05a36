#include "storage/key_index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A slot belongs to the batch whose number it carries; any other number means that it is empty. */
struct slot {
    struct delegate_id id;
    uint16_t zone;
    uint32_t batch;
    uint32_t number;
};

struct key_index {
    uint64_t seed; /* ids come from clients: without it they could all be made to meet in one slot */
    uint32_t batch;
    size_t mask;
    struct slot slots[];
};

int key_index_new(size_t keys_max, struct key_index **index)
{
    size_t slots = 16;
    while (slots < 2 * keys_max) {
        slots *= 2;
    }
    struct key_index *made = calloc(1, sizeof(*made) + slots * sizeof(struct slot));
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    if (getrandom(&made->seed, sizeof(made->seed), GRND_NONBLOCK) != (ssize_t)sizeof(made->seed)) {
        made->seed = (uint64_t)(uintptr_t)made; /* before the kernel has entropy; only ever a matter of speed */
    }
    made->batch = 1;
    made->mask = slots - 1;
    *index = made;
    return 0;
}

void key_index_free(struct key_index *index)
{
    free(index);
}

void key_index_clear(struct key_index *index)
{
    index->batch++;
    if (index->batch == 0) { /* wrapped: old slots could look new */
        memset(index->slots, 0, (index->mask + 1) * sizeof(struct slot));
        index->batch = 1;
    }
}

static size_t key_hash(const struct key_index *index, uint16_t zone, const struct delegate_id *id)
{
    uint64_t words[2];
    memcpy(words, id->octets, sizeof(words));
    unsigned __int128 product = (unsigned __int128)(words[0] ^ index->seed ^ zone) * (words[1] ^ ~index->seed);
    uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
    return (size_t)(folded ^ (folded >> 29));
}

uint32_t *key_index_at(struct key_index *index, uint16_t zone, const struct delegate_id *id)
{
    size_t at = key_hash(index, zone, id) & index->mask;
    struct slot *slot = &index->slots[at];
    while (slot->batch == index->batch) {
        if (slot->zone == zone && memcmp(&slot->id, id, sizeof(*id)) == 0) {
            return &slot->number;
        }
        at = (at + 1) & index->mask;
        slot = &index->slots[at];
    }
    *slot = (struct slot){.id = *id, .zone = zone, .batch = index->batch, .number = KEY_INDEX_NONE};
    return &slot->number;
}
