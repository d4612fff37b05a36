/* usage_collector.h: brings what DNS workers note of the delegates that are asked for (dataplane/usage.h) to the store, summed up
 * every USAGE_COLLECTOR_WRITE_MS, so that an owner sees it and expiry knows who is used.
 *
 * Counts are of what was noted: beyond some ten thousand different delegates a second some are lost, and counted as lost.
 */
#ifndef TXTD_CONTROL_USAGE_COLLECTOR_H
#define TXTD_CONTROL_USAGE_COLLECTOR_H

#include <stdint.h>

#include "dataplane/error.h"

struct store;
struct usage_collector;
struct usage_rings;

#define USAGE_COLLECTOR_WRITE_MS 5000
#define USAGE_COLLECTOR_MAX      32768 /* different delegates between two writes */

/* Starts the thread. All is borrowed. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int usage_collector_start(struct usage_rings *rings, struct store *store, struct usage_collector **collector);

/* Writes what there is, and ends it. After the DNS workers, before the store is closed. NULL is fine. */
void usage_collector_stop(struct usage_collector *collector);

/* Notes that never reached the store. Any thread. */
uint64_t usage_collector_lost(const struct usage_collector *collector);

#endif
