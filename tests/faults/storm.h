/* storm.h: what the storm of updates and the one who checks it agree on.
 *
 * Client c owns delegates c, c + clients, ...: each update of a delegate carries the number of that update as its value, and
 * no client sends one before the last was answered. So of a delegate whose update n was acknowledged, the store must hold
 * n or n + 1, whatever happened since.
 */
#ifndef TXTD_TESTS_STORM_H
#define TXTD_TESTS_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

enum { STORM_CLIENTS = 32, STORM_DELEGATES = 256 };

/* One acknowledged update, as the storm writes it to its standard output. */
struct storm_ack {
    uint32_t delegate;
    uint32_t update;
};

struct store_options storm_options(const char *directory, bool sync);
struct delegate_id storm_delegate_id(uint32_t number);
struct delegate_id storm_username(uint32_t number);

/* The number in a delegate's newest value; 0: none. */
uint32_t storm_newest(const struct delegate_state *state);

/* storm_clients.c: runs clients against the store in `directory` until SIGTERM, or a minute, writing acknowledgements.
 * Returns the exit status: 0 when every client always saw what was acknowledged and nothing else. */
int storm_run(const char *directory, bool sync);

/* storm_check.c: opens the store and compares it with what was acknowledged; acked[n] is then what is stored. Prints what is
 * wrong. Returns how many acknowledged updates are missing, or -1 when the store does not open or is inconsistent. */
int storm_check(const char *directory, uint32_t acked[STORM_DELEGATES]);

#endif
