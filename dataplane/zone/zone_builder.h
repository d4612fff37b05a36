/* zone_builder.h: what a zone_set_builder collects, for zone_builder.c and zone_finish.c alone. */
#ifndef TXTD_DATAPLANE_ZONE_ZONE_BUILDER_H
#define TXTD_DATAPLANE_ZONE_ZONE_BUILDER_H

#include "dataplane/dns/name.h"
#include "dataplane/zone/zone_set.h"

struct pending_zone {
    uint8_t apex[DNS_NAME_MAX];
    struct name_labels labels;
    struct zone_options options;
};

struct pending_record {
    size_t zone;
    size_t order;    /* of arrival, so that sorting is stable */
    uint64_t hash;   /* of the owner */
    size_t previous; /* position + 1 of another record in the same bucket; 0: none */
    uint8_t *owner;
    struct name_labels labels;
    uint16_t type;
    uint32_t ttl_s;
    uint16_t rdata_len;
    uint8_t *rdata;
};

struct zone_set_builder {
    struct pending_zone *zones;
    size_t zones_count, zones_room;
    struct pending_record *records;
    size_t records_count, records_room;
    size_t *buckets; /* position + 1 of the newest record by owner hash; as many as records_room, a power of two */
};

#endif
