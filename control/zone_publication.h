/* zone_publication.h: from the configured zones to what the DNS workers answer from.
 *
 * Used by one control thread at a time, at start and at each reload.
 */
#ifndef TXTD_CONTROL_ZONE_PUBLICATION_H
#define TXTD_CONTROL_ZONE_PUBLICATION_H

#include "control/config.h"

struct responder;
struct store;
struct value_ttls;

/* Reads and checks the static records of all zones and serves nothing of it: before anything has been touched.
 * Returns 0 or a code with a `detail` (file and line). */
int zone_publication_check(const struct config *config, struct error_detail *detail);

/* Gives each zone its number from the store (options.number), reads the static records and swaps them in, then takes over the
 * TTLs of values. On failure everything served stays as it was. Returns 0 or a code with a `detail`. */
int zone_publication_publish(struct config *config, struct store *store, struct value_ttls *ttls,
                             struct responder *responder, struct error_detail *detail);

#endif
