#include "dataplane/zone/slab.h"

#include <stdbool.h>

#ifdef __SANITIZE_ADDRESS__
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif
#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, len)   ((void)(address), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(address, len) ((void)(address), (void)(len))
#endif

#include "dataplane/zone/huge_map.h"

/* Classes: 24 octets (an idle delegate), then steps of 16 up to 512, then coarser ones up to 8192. */
#define FIRST_CLASS_LEN 24
#define SMALL_STEP      16
#define SMALL_MAX       512
#define SMALL_CLASSES   (SMALL_MAX / SMALL_STEP - 1) /* 32, 48, ... 512 */

/* Stands at the start of its chunk; a chunk is aligned to its size, so an object finds it by its address. */
struct chunk {
    struct cds_list_head link;
    void *freed;     /* freed objects, linked through their first word */
    uint32_t used;   /* objects in use */
    uint32_t carved; /* objects ever handed out from the untouched end */
    uint32_t capacity;
    uint32_t size_class;
} __attribute__((aligned(64)));

static const uint16_t large_lens[] = {640,  768,  896,  1024, 1280, 1536, 1792, 2048, 2560, 3072,
                                      3584, 4096, 4608, 5120, 5632, 6144, 6656, 7168, 7680, 8192};
#define LARGE_CLASSES (sizeof large_lens / sizeof large_lens[0])
_Static_assert(1 + SMALL_CLASSES + LARGE_CLASSES == SLAB_CLASSES, "the header states the number of classes");

void slab_init(struct slab *slab)
{
    for (unsigned i = 0; i < SLAB_CLASSES; i++) {
        CDS_INIT_LIST_HEAD(&slab->partial[i]);
        CDS_INIT_LIST_HEAD(&slab->full[i]);
    }
    CDS_INIT_LIST_HEAD(&slab->spare);
    slab->spare_count = 0;
    slab->chunks = 0;
}

unsigned slab_class_of(size_t len)
{
    if (len <= FIRST_CLASS_LEN) {
        return 0;
    }
    if (len <= SMALL_MAX) {
        size_t rounded = len <= 2 * SMALL_STEP ? 2 : (len + SMALL_STEP - 1) / SMALL_STEP;
        return (unsigned)rounded - 1;
    }
    unsigned large = 0;
    while (large < LARGE_CLASSES && large_lens[large] < len) {
        large++;
    }
    return (unsigned)(1 + SMALL_CLASSES) + large;
}

size_t slab_class_len(unsigned size_class)
{
    if (size_class == 0) {
        return FIRST_CLASS_LEN;
    }
    if (size_class <= SMALL_CLASSES) {
        return (size_t)(size_class + 1) * SMALL_STEP;
    }
    return large_lens[size_class - 1 - SMALL_CLASSES];
}

static struct chunk *chunk_of(void *object)
{
    return (struct chunk *)((uintptr_t)object & ~(uintptr_t)(SLAB_CHUNK_LEN - 1));
}

static void chunk_unmap(struct slab *slab, struct chunk *chunk)
{
    ASAN_UNPOISON_MEMORY_REGION(chunk, SLAB_CHUNK_LEN);
    huge_unmap(chunk, SLAB_CHUNK_LEN);
    slab->chunks--;
}

static void release_list(struct slab *slab, struct cds_list_head *list)
{
    while (!cds_list_empty(list)) {
        struct chunk *chunk = cds_list_first_entry(list, struct chunk, link);
        cds_list_del(&chunk->link);
        chunk_unmap(slab, chunk);
    }
}

void slab_release(struct slab *slab)
{
    for (unsigned i = 0; i < SLAB_CLASSES; i++) {
        release_list(slab, &slab->partial[i]);
        release_list(slab, &slab->full[i]);
    }
    release_list(slab, &slab->spare);
    slab->spare_count = 0;
}

/* Gives the class a chunk with room, from the spare ones or from the system. */
static struct chunk *chunk_add(struct slab *slab, unsigned size_class)
{
    struct chunk *chunk;
    if (slab->spare_count > 0) {
        chunk = cds_list_first_entry(&slab->spare, struct chunk, link);
        cds_list_del(&chunk->link);
        slab->spare_count--;
    } else {
        chunk = huge_map(SLAB_CHUNK_LEN);
        if (chunk == NULL) {
            return NULL;
        }
        slab->chunks++;
    }
    chunk->freed = NULL;
    chunk->used = 0;
    chunk->carved = 0;
    chunk->capacity = (uint32_t)((SLAB_CHUNK_LEN - sizeof *chunk) / slab_class_len(size_class));
    chunk->size_class = size_class;
    ASAN_POISON_MEMORY_REGION(chunk + 1, SLAB_CHUNK_LEN - sizeof *chunk);
    cds_list_add(&chunk->link, &slab->partial[size_class]);
    return chunk;
}

void *slab_alloc(struct slab *slab, unsigned size_class)
{
    struct chunk *chunk;
    if (!cds_list_empty(&slab->partial[size_class])) {
        chunk = cds_list_first_entry(&slab->partial[size_class], struct chunk, link);
    } else {
        chunk = chunk_add(slab, size_class);
        if (chunk == NULL) {
            return NULL;
        }
    }
    size_t len = slab_class_len(size_class);
    void *object = chunk->freed;
    if (object != NULL) {
        ASAN_UNPOISON_MEMORY_REGION(object, len);
        chunk->freed = *(void **)object;
    } else {
        object = (uint8_t *)(chunk + 1) + chunk->carved * len;
        ASAN_UNPOISON_MEMORY_REGION(object, len);
        chunk->carved++;
    }
    if (++chunk->used == chunk->capacity) {
        cds_list_move(&chunk->link, &slab->full[size_class]);
    }
    return object;
}

/* Keeps a chunk without objects for the next need, or gives it back. */
static void chunk_retire(struct slab *slab, struct chunk *chunk)
{
    cds_list_del(&chunk->link);
    if (slab->spare_count < SLAB_SPARE_CHUNKS) {
        cds_list_add(&chunk->link, &slab->spare);
        slab->spare_count++;
    } else {
        chunk_unmap(slab, chunk);
    }
}

void slab_free(struct slab *slab, void *object)
{
    struct chunk *chunk = chunk_of(object);
    *(void **)object = chunk->freed;
    chunk->freed = object;
    ASAN_POISON_MEMORY_REGION(object, slab_class_len(chunk->size_class));
    if (chunk->used-- == chunk->capacity) {
        /* To the tail: allocation fills the head first, and the tail has time to run empty. */
        cds_list_del(&chunk->link);
        cds_list_add_tail(&chunk->link, &slab->partial[chunk->size_class]);
    }
    if (chunk->used == 0) {
        chunk_retire(slab, chunk);
    }
}

void slab_merge(struct slab *into, struct slab *from)
{
    for (unsigned i = 0; i < SLAB_CLASSES; i++) {
        cds_list_splice(&from->partial[i], &into->partial[i]);
        cds_list_splice(&from->full[i], &into->full[i]);
    }
    release_list(from, &from->spare);
    into->chunks += from->chunks;
    slab_init(from);
}
