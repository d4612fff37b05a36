/* zone_lookup.h: the reader's side of a zone_set: which zone a name is in, and what static records it has.
 *
 * Everything here is immutable and lives as long as its snapshot: a worker may use it until its next quiescent state.
 * No locks, no allocation; the work is bounded by the labels of a name.
 */
#ifndef TXTD_DATAPLANE_ZONE_ZONE_LOOKUP_H
#define TXTD_DATAPLANE_ZONE_ZONE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/name.h"
#include "dataplane/zone/delegate.h"
#include "dataplane/zone/zone_set.h"

/* One RRset: `records` entries of type, class, TTL, RDLENGTH and RDATA (RFC 1035 section 3.2.1 without the owner). The
 * records of its RRSIGs, in the same form, follow behind `len`; 0 of them while the zone is not signed. */
struct rrset {
    uint16_t type;
    uint16_t records;
    uint16_t rrsig_records;
    uint32_t ttl_s;
    uint32_t len;
    uint32_t rrsig_len;
    const uint8_t *wire;
};

/* One name of a zone: its static RRsets, none for an empty non-terminal. */
struct zone_node {
    const uint8_t *name; /* wire form, case as configured */
    uint8_t name_len;
    uint16_t rrsets_count;
    const struct rrset *rrsets; /* by type */
    const struct zone *zone;
    uint64_t hash;
};

struct zone {
    const uint8_t *apex; /* wire form */
    uint8_t apex_len;
    uint8_t labels; /* of the apex */
    uint64_t hash;  /* of the apex */
    struct zone_options options;
    const struct zone_node *apex_node;
    const struct rrset *soa;            /* as configured */
    struct rrset negative_soa;          /* the same with TTL min(TTL, MINIMUM), RFC 2308 section 3 */
    struct name_labels delegate_labels; /* of every delegate's name in this zone */
    const uint8_t *delegate_negative;   /* negative_soa complete on the wire, for a qname that has a delegate's form */
    uint16_t delegate_negative_len;
    const struct zone *parent; /* the closest served zone above, or NULL */
};

/* A name with where its labels begin. */
struct wire_name {
    const uint8_t *octets;
    const struct name_labels *labels;
};

/* The served zone that `name` is in: the one with the longest apex. NULL: none. */
const struct zone *zone_set_find_zone(const struct zone_set *zones, struct wire_name name);

/* The zone whose apex, root label included, stands at `octets`, of which `len` may be looked at; NULL: none, or there are too
 * many zones to try each, so that the caller has to read the name and look for its apex. */
const struct zone *zone_set_match_apex(const struct zone_set *zones, const uint8_t *octets, size_t len);

/* The zone whose apex is `name` without its first `skip` labels, of which it has at least so many; NULL: none. */
const struct zone *zone_set_find_apex(const struct zone_set *zones, struct wire_name name, unsigned skip);

/* The static name of `zone`, or NULL. */
const struct zone_node *zone_set_find_node(const struct zone_set *zones, const struct zone *zone,
                                           struct wire_name name);

/* The RRset of that type at a node, or NULL. */
const struct rrset *zone_node_rrset(const struct zone_node *node, uint16_t type);

#endif
