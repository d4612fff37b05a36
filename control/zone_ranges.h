/* zone_ranges.h: refuses places and prefixes that there are not: a latitude above 90 degrees, 192.0.2.0/33.
 *
 * libldns reads LOC (RFC 1876) and APL (RFC 3123) without a look at the ranges that these allow, and serves what comes out.
 *
 * Pure functions over memory. Used by zone_numbers.c only; any control thread.
 */
#ifndef TXTD_CONTROL_ZONE_RANGES_H
#define TXTD_CONTROL_ZONE_RANGES_H

#include <ldns/ldns.h>

#include "dataplane/error.h"

/* `data` is the text of a record's data, behind its type, `rr` what libldns made of it. Returns 0, also for all other types, or TXTD_EINVAL with a
 * `detail`, without file and line. */
int zone_ranges_check(const ldns_rr *rr, const char *data, struct error_detail *detail);

#endif
