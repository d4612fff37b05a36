/* slab.h: memory for the delegate table's entries.
 *
 * Objects have no header. They live in chunks of 2 MiB (one huge page), each of one size class; a chunk that becomes
 * empty is given back, so a wave of values leaves nothing behind. A slab belongs to one thread at a time.
 */
#ifndef TXTD_DATAPLANE_ZONE_SLAB_H
#define TXTD_DATAPLANE_ZONE_SLAB_H

#include <stddef.h>
#include <stdint.h>
#include <urcu/list.h>

#define SLAB_CLASSES      52
#define SLAB_OBJECT_MAX   8192 /* octets of the largest class */
#define SLAB_CHUNK_LEN    ((size_t)2 << 20)
#define SLAB_SPARE_CHUNKS 4 /* empty chunks kept for the next need */

struct slab {
    struct cds_list_head partial[SLAB_CLASSES]; /* chunks with a free object */
    struct cds_list_head full[SLAB_CLASSES];
    struct cds_list_head spare;
    unsigned spare_count;
    uint64_t chunks; /* mapped, spare ones included */
};

void slab_init(struct slab *slab);

/* Unmaps everything; no object may be in use. */
void slab_release(struct slab *slab);

/* The smallest class whose objects have room for `len` octets; SLAB_CLASSES when none has. Pure. */
unsigned slab_class_of(size_t len);

/* Octets of an object of that class. Pure. */
size_t slab_class_len(unsigned size_class);

/* An object, aligned to 8 octets (16 from the second class on), its contents undefined; NULL when the system gives no memory. */
void *slab_alloc(struct slab *slab, unsigned size_class);

/* Takes back an object of that slab, or of one that was merged into it. */
void slab_free(struct slab *slab, void *object);

/* Moves all chunks of `from`, with the objects in them, to `into`; `from` is empty afterwards. */
void slab_merge(struct slab *into, struct slab *from);

/* Octets mapped. */
static inline uint64_t slab_bytes(const struct slab *slab)
{
    return slab->chunks * SLAB_CHUNK_LEN;
}

#endif
