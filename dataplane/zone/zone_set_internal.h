/* zone_set_internal.h: the layout shared by zone_builder.c, which makes a snapshot, and zone_set.c, which reads it. */
#ifndef TXTD_DATAPLANE_ZONE_ZONE_SET_INTERNAL_H
#define TXTD_DATAPLANE_ZONE_ZONE_SET_INTERNAL_H

#include "dataplane/zone/zone_lookup.h"

struct zone_set {
    struct zone *zones;
    size_t zones_count;
    unsigned labels_max; /* of any apex: no longer suffix needs hashing */
    struct zone_node *nodes;
    size_t nodes_count;
    /* Hash indexes, open addressing, a power of two, at most half full; 0 or position + 1. */
    uint32_t *zone_index;
    uint32_t *node_index;
    size_t zone_index_mask;
    size_t node_index_mask;
    /* What the pointers above point into. */
    void **blocks;
    size_t blocks_count;
};

/* The hash of a wire name; `labels` as read. */
uint64_t zone_name_hash(struct wire_name name);

#endif
