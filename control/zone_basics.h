/* zone_basics.h: makes the SOA, NS and address records of a zone from a few configuration keys.
 *
 * The inner half of zone_loader.c, which says which records the operator wrote himself. Any control thread; keeps nothing.
 */
#ifndef TXTD_CONTROL_ZONE_BASICS_H
#define TXTD_CONTROL_ZONE_BASICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/zone_loader.h"
#include "dataplane/error.h"

/* A name server as it will stand in the records. */
struct zone_basics_nameserver {
    uint8_t name[ZONE_APEX_LEN_MAX];
    size_t name_len;
    bool inside;      /* the zone: it needs an address there */
    bool has_address; /* among the records that were seen, or configured */
};

/* What is there, and so what is left to be made. */
struct zone_basics_needs {
    const uint8_t *apex; /* lower case; borrowed */
    size_t apex_len;
    bool has_soa;
    struct zone_basics_nameserver nameservers[ZONE_NAMESERVERS_MAX];
};

/* Takes one record that was made; returns 0 or an error that ends the making. */
typedef int zone_basics_take(void *context, const uint8_t *owner, size_t owner_len, uint16_t type, const uint8_t *rdata,
                             size_t rdata_len, struct error_detail *detail);

/* Checks the name servers and starts `needs`. Returns 0 or TXTD_EINVAL with `detail`. */
int zone_basics_check(const struct zone_basics *basics, const uint8_t *apex, size_t apex_len,
                      struct zone_basics_needs *needs, struct error_detail *detail);

/* Tells of a record that the operator wrote. */
void zone_basics_saw(struct zone_basics_needs *needs, const uint8_t *owner, size_t owner_len, uint16_t type);

/* Gives to `take` the SOA, unless one was seen, and the NS and A/AAAA records of the configured name servers. After the last
 * zone_basics_saw. Returns 0, what `take` returned, or TXTD_EINVAL with `detail`. */
int zone_basics_make(const struct zone_basics *basics, const struct zone_basics_needs *needs, zone_basics_take *take,
                     void *context, struct error_detail *detail);

#endif
