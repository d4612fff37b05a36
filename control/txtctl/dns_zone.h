/* dns_zone.h: the zone that a name lies in and its name servers, as a resolver finds them. One thread; waits. */
#ifndef TXTD_CONTROL_TXTCTL_DNS_ZONE_H
#define TXTD_CONTROL_TXTCTL_DNS_ZONE_H

#include <stddef.h>

#include "control/txtctl/dns_ask.h"
#include "control/txtctl/dns_name.h"

#define DNS_ZONE_SERVERS_MAX 32
#define DNS_ADDRESS_TEXT_MAX 64

/* One address of one name server. */
struct dns_zone_server {
    char name[DNS_NAME_TEXT_MAX];
    char address[DNS_ADDRESS_TEXT_MAX];
};

struct dns_zone {
    char apex[DNS_NAME_TEXT_MAX]; /* with its final dot */
    struct dns_zone_server servers[DNS_ZONE_SERVERS_MAX];
    size_t servers_count; /* what is above the bound is left out */
};

/* Finds the zone of `name`: climbs until `resolver` answers a SOA of that very name. Returns 0, TXTD_ENOTFOUND (none up to the root),
 * TXTD_ESYS (the resolver answers an error) or what dns_ask returns, with a `detail`. */
int dns_zone_find(struct dns_server *resolver, const char *name, struct dns_zone *zone, struct error_detail *detail);

#endif
