/* zone_loader.h: from what an operator writes down of a zone to the snapshot that is served.
 *
 * A zone's static records come from three places, all optional and all added up: a zone file in presentation format
 * (RFC 1035 section 5.1), single record lines in the configuration, and the SOA, NS and address records that are made from a
 * few configuration keys, so that an operator needs no zone file at all. libldns reads the text; it is used here only.
 *
 * Nothing here is fast or keeps state. Any control thread; not a DNS worker, for it reads files and allocates.
 */
#ifndef TXTD_CONTROL_ZONE_LOADER_H
#define TXTD_CONTROL_ZONE_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/zone/zone_set.h"

#define ZONE_FILE_LEN_MAX    (16u << 20) /* octets of one zone file */
#define ZONE_RECORDS_MAX     100000u     /* records of one zone, from all places */
#define ZONE_APEX_LEN_MAX    255         /* octets of a name in wire form (RFC 1035 section 2.3.4) */
#define ZONE_TTL_DEFAULT_S   3600u       /* of records that name none */
#define ZONE_VALUE_TTL_S     1u          /* default of zone_options.value_ttl_s */
#define ZONE_NAMESERVERS_MAX 16u         /* configured for one zone */

/* A name server of the zone: an NS record at the apex, and A/AAAA records if the name lies inside the zone. */
struct zone_nameserver {
    const char *name;             /* absolute; the final dot may be missing */
    const char *const *addresses; /* IPv4 and IPv6; only for a name inside the zone, which needs at least one */
    unsigned addresses_count;
};

/* What the SOA and NS records are made from. Start with zone_basics_init. */
struct zone_basics {
    const char *hostmaster;                /* a mailbox, or its name (RFC 1035 section 8); NULL: hostmaster.<apex> */
    uint32_t serial;                       /* default 1 */
    uint32_t refresh_s, retry_s, expire_s; /* defaults 86400, 7200, 3600000 (RIPE-203): nobody transfers this zone */
    uint32_t minimum_s;                    /* how long a negative answer may be cached (RFC 2308); default 1 */
    uint32_t ttl_s;                        /* of SOA, NS and addresses; default ZONE_TTL_DEFAULT_S */
    const struct zone_nameserver *nameservers; /* the first is the SOA's MNAME */
    unsigned nameservers_count;
};

/* Everything an operator says of one zone. All strings are borrowed for the call. */
struct zone_source {
    const char *name; /* apex; the final dot may be missing */
    struct zone_options options;
    struct zone_basics basics;  /* its SOA is made only if file and records have none */
    const char *file;           /* path of a zone file, or NULL */
    const char *const *records; /* lines in presentation format; relative names end at the apex, "@" is the apex */
    unsigned records_count;
    const unsigned *records_lines; /* on which line of records_from each stands, for errors; or NULL */
    const char *records_from;      /* where the lines come from, for errors: the configuration file's name; or NULL */
};

/* Fills in the defaults stated above, no nameservers. */
void zone_basics_init(struct zone_basics *basics);

/* The wire form of a zone's name, in lower case. Returns 0, or TXTD_EINVAL with a `detail` for what is no name, and for the
 * root, which is no zone of ours. Pure. */
int zone_name_to_wire(const char *name, uint8_t wire[ZONE_APEX_LEN_MAX], size_t *len, struct error_detail *detail);

/* Reads one zone and adds it with its records to the builder. Refused: every directive but $ORIGIN and $TTL ($INCLUDE,
 * $GENERATE ...), classes other than IN, types
 * that are no data (OPT, ANY, ...), signatures and denials of existence (the server makes its own), a file that is not a
 * regular file or too long, too many records, and what zone_set_builder_add_record refuses.
 * Returns 0; TXTD_EINVAL, TXTD_EEXISTS (zone given twice), TXTD_ENOTFOUND or TXTD_EIO (the file cannot be opened, or read)
 * or TXTD_ENOMEM, with a `detail` such as "/etc/txtd/auth.zone:12: ...". After a failure the builder may only be freed. */
int zone_loader_add(struct zone_set_builder *builder, const struct zone_source *source, struct error_detail *detail);

/* Reads all zones into a new snapshot: builder, zone_loader_add for each, finish. Returns as zone_loader_add does; the caller
 * owns *zones (zone_set_free, or responder_publish_zones). On failure *zones is NULL and nothing is kept. */
int zone_loader_load(const struct zone_source sources[], unsigned count, struct zone_set **zones,
                     struct error_detail *detail);

#endif
