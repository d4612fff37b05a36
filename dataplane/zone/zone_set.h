/* zone_set.h: the zones that are served and their static records, as one immutable snapshot.
 *
 * A snapshot is built aside (zone_set_builder), checked whole, and then given to the responder, which swaps it in by RCU
 * (responder_publish_zones). Names and data come in wire form: reading presentation format is `control`'s business.
 */
#ifndef TXTD_DATAPLANE_ZONE_ZONE_SET_H
#define TXTD_DATAPLANE_ZONE_ZONE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

struct zone_set;
struct zone_set_builder;

/* What a zone is told beside its records. */
struct zone_options {
    uint16_t number;              /* the store's number for the zone; what delegates are keyed by */
    uint32_t value_ttl_s;         /* TTL of delegates' TXT values; default 1 */
    bool delegate_caa;            /* answer CAA `0 issue ";"` at every delegate; default on */
    bool delegate_mail_hardening; /* null MX (RFC 7505), and SPF/DMARC reject records below delegates; default off */
};

/* Starts an empty snapshot. Returns NULL when out of memory. Any thread. */
struct zone_set_builder *zone_set_builder_new(void);
void zone_set_builder_free(struct zone_set_builder *builder);

/* Adds a zone by its apex (uncompressed wire form, any case). Returns 0, TXTD_EEXISTS, TXTD_EINVAL or TXTD_ENOMEM. */
int zone_set_builder_add_zone(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len,
                              const struct zone_options *options);

/* Adds one static record to the zone with that apex. Owner case and data case are kept. Refused with a sentence in `detail`:
 * an owner outside the zone, a wildcard, DNAME or NS below the apex, a second SOA, CNAME beside other data, an owner whose
 * first label is a delegate's UUID form directly below the apex, different TTLs in one RRset.
 * An exact duplicate is ignored. Returns 0, TXTD_EINVAL, TXTD_ENOTFOUND (no such zone) or TXTD_ENOMEM. */
int zone_set_builder_add_record(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len,
                                const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl_s,
                                const uint8_t *rdata, size_t rdata_len, struct error_detail *detail);

/* Checks the whole (each zone has a SOA and an NS; ...) and turns it into a snapshot. The builder is used up either way.
 * Returns 0, TXTD_EINVAL with `detail`, or TXTD_ENOMEM. The caller owns *zones until it is published. */
int zone_set_builder_finish(struct zone_set_builder *builder, struct zone_set **zones, struct error_detail *detail);

/* Frees a snapshot that no reader can see any more (never published, or replaced and a grace period waited for). */
void zone_set_free(struct zone_set *zones);

#endif
