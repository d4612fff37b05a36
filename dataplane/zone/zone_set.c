#include "dataplane/zone/zone_set_internal.h"

#include <stdlib.h>

#define FEW_ZONES 8 /* so many are compared one by one, without hashing */

static uint64_t hash_suffix(struct wire_name name, unsigned skip)
{
    uint64_t hash = NAME_HASH_ROOT;
    for (unsigned i = name.labels->count; i > skip; i--) {
        hash = name_hash_label(hash, name.octets + name.labels->offsets[i - 1]);
    }
    return hash;
}

uint64_t zone_name_hash(struct wire_name name)
{
    return hash_suffix(name, 0);
}

static const struct zone *find_zone_hashed(const struct zone_set *zones, uint64_t hash, const uint8_t *apex,
                                           size_t apex_len)
{
    for (size_t at = hash & zones->zone_index_mask; zones->zone_index[at] != 0;
         at = (at + 1) & zones->zone_index_mask) {
        const struct zone *zone = &zones->zones[zones->zone_index[at] - 1];
        if (zone->hash == hash && zone->apex_len == apex_len && name_equal(zone->apex, apex, apex_len)) {
            return zone;
        }
    }
    return NULL;
}

const struct zone *zone_set_find_zone(const struct zone_set *zones, struct wire_name name)
{
    const struct zone *found = NULL;
    uint64_t hash = NAME_HASH_ROOT;
    unsigned count = name.labels->count;
    unsigned depth_max = count < zones->labels_max ? count : zones->labels_max;
    for (unsigned depth = 1; depth <= depth_max; depth++) {
        size_t offset = name.labels->offsets[count - depth];
        hash = name_hash_label(hash, name.octets + offset);
        const struct zone *zone = find_zone_hashed(zones, hash, name.octets + offset, name.labels->len - offset);
        found = zone != NULL ? zone : found;
    }
    return found;
}

const struct zone *zone_set_match_apex(const struct zone_set *zones, const uint8_t *octets, size_t len)
{
    size_t count = zones->zones_count;
    const struct zone *zone = zones->zones;
    for (size_t left = count <= FEW_ZONES ? count : 0; left > 0; left--, zone++) {
        if (zone->apex_len <= len && name_equal(zone->apex, octets, zone->apex_len)) {
            return zone;
        }
    }
    return NULL;
}

const struct zone *zone_set_find_apex(const struct zone_set *zones, struct wire_name name, unsigned skip)
{
    size_t offset = name.labels->offsets[skip];
    return find_zone_hashed(zones, hash_suffix(name, skip), name.octets + offset, name.labels->len - offset);
}

const struct zone_node *zone_set_find_node(const struct zone_set *zones, const struct zone *zone, struct wire_name name)
{
    uint64_t hash = zone_name_hash(name);
    size_t len = name.labels->len;
    for (size_t at = hash & zones->node_index_mask; zones->node_index[at] != 0;
         at = (at + 1) & zones->node_index_mask) {
        const struct zone_node *node = &zones->nodes[zones->node_index[at] - 1];
        if (node->hash == hash && node->zone == zone && node->name_len == len &&
            name_equal(node->name, name.octets, len)) {
            return node;
        }
    }
    return NULL;
}

const struct rrset *zone_node_rrset(const struct zone_node *node, uint16_t type)
{
    for (unsigned i = 0; i < node->rrsets_count; i++) {
        if (node->rrsets[i].type == type) {
            return &node->rrsets[i];
        }
    }
    return NULL;
}

void zone_set_free(struct zone_set *zones)
{
    if (zones == NULL) {
        return;
    }
    for (size_t i = 0; i < zones->blocks_count; i++) {
        free(zones->blocks[i]);
    }
    free(zones->blocks);
    free(zones);
}
