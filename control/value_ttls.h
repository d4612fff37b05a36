/* value_ttls.h: the TTL of values, by the number that the store gave the zone.
 *
 * Whoever builds a delegate's records needs it: the start-up loading and the publisher. SIGHUP may change it; records that
 * are there already keep theirs.
 */
#ifndef TXTD_CONTROL_VALUE_TTLS_H
#define TXTD_CONTROL_VALUE_TTLS_H

#include <stdint.h>

struct value_ttls;

/* Returns NULL when out of memory. */
struct value_ttls *value_ttls_new(void);
void value_ttls_free(struct value_ttls *ttls);

/* Any thread. */
void value_ttls_set(struct value_ttls *ttls, uint16_t zone, uint32_t ttl_s);

/* The TTL, or ZONE_VALUE_TTL_S for a zone that was never set: it is not served, but may come back. Any thread. */
uint32_t value_ttls_get(const struct value_ttls *ttls, uint16_t zone);

#endif
