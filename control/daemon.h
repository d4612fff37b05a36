/* daemon.h: a running txtd: all rooms composed, in the order in which they have to start and stop.
 *
 * Everything here is for the main thread alone.
 */
#ifndef TXTD_CONTROL_DAEMON_H
#define TXTD_CONTROL_DAEMON_H

#include "control/config.h"

struct daemon;
struct log;

/* Starts txtd: binds sockets, drops privileges, opens the store, loads the table, starts threads. Takes over `config` if it
 * succeeds; `log` is borrowed. With `take_over` the sockets are those of the txtd that runs with the same configuration, which ends
 * once we serve, and goes on if we fail (takeover.h). When it returns 0, DNS and HTTPS are answered. On failure nothing of it is left, on disk
 * either, and `detail` says what to do. */
int daemon_start(struct config *config, struct log *log, bool take_over, struct daemon **daemon,
                 struct error_detail *detail);

/* Reads the configuration again, with zone files, certificate and secrets, and takes over what can be changed; the log says what
 * cannot. When anything is wrong, what runs stays as it is. */
void daemon_reload(struct daemon *daemon);

/* What has to be looked at once a second or so: whether the certificate was replaced, or a successor has asked to take over; it
 * then waits until that one has loaded. Returns true when it has taken over: stop now. */
bool daemon_tick(struct daemon *daemon);

/* Drains: lets running requests finish within api.drain, makes what was accepted durable and visible, stops DNS last, closes
 * the store, frees everything. */
void daemon_stop(struct daemon *daemon);

/* Checks a configuration as far as that is possible without touching anything: zones, certificate, user. */
int daemon_check(const struct config *config, struct error_detail *detail);

#endif
