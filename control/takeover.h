/* takeover.h: one txtd takes over from another, sockets and all, so that no query is lost: the talk between the two.
 *
 * The successor connects to the control socket of the running txtd. The sockets go over as descriptors (SCM_RIGHTS), so both
 * processes have the very same ones: nothing that is queued in them is lost, and no SO_REUSEPORT group changes.
 *
 *   successor                              running txtd
 *   {"command":"take-over","groups":g} -> (refused when a service manager would end both)
 *                                          takes no more changes (503), closes the store, answers DNS on from memory
 *                                      <-  {"ok":true,"dns":n,"http":m,...} and 1+n+m descriptors
 *   opens the store, loads, answers DNS
 *   (for a moment both do, the same)
 *   serving                            ->
 *                                          answers what it has received, stops answering
 *                                      <-  yours
 *   takes requests and changes             finishes its requests, ends
 *
 * Whatever goes wrong before "yours": the running txtd says "no" or finds the connection closed, opens the store again and
 * goes on. A successor that finds the connection closed without a "no" goes on: the other is dead.
 *
 * What else lives in memory only is not handed over: rate limits start anew, TLS tickets and DNS cookies without a configured
 * secret are not known to the successor (clients then do what they do the first time).
 *
 * One thread on each side: main.
 */
#ifndef TXTD_CONTROL_TAKEOVER_H
#define TXTD_CONTROL_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/http_server.h"
#include "dataplane/error.h"
#include "dataplane/io/server.h"

#define TAKEOVER_LOAD_MS    600000 /* how long a successor may take to load */
#define TAKEOVER_OFFER_MS   120000 /* how long the running one may take to close its store */
#define TAKEOVER_ANSWER_MS  30000  /* how long either may take to read or send what is at hand */
#define TAKEOVER_DNS_MAX    (DNS_SERVER_ADDRESSES_MAX * (DNS_SERVER_WORKERS_MAX + 1))
#define TAKEOVER_SOCKET_MAX (1 + TAKEOVER_DNS_MAX + HTTP_LISTENERS_MAX)

/* What goes over. */
struct takeover_sockets {
    int control; /* the control socket's listener */
    unsigned dns_count, http_count;
    int dns[TAKEOVER_DNS_MAX]; /* as dns_server_sockets */
    int http[HTTP_LISTENERS_MAX];
    int64_t refused_since_ms; /* changes are refused since then: CLOCK_MONOTONIC */
};

/* --- The running txtd. `fd` is the connection that asked; the caller closes it. --- */

/* Sends the sockets. Returns 0 or TXTD_ESYS. */
int takeover_give(int fd, const struct takeover_sockets *sockets);

/* Waits for at most `wait_ms` until the successor serves. Returns 0, TXTD_ECLOSED (it has given up) or TXTD_ETIMEOUT. */
int takeover_await_serving(int fd, int64_t wait_ms);

/* Refuses before anything went over; the successor prints `why`. Returns 0 or TXTD_ESYS. */
int takeover_refuse(int fd, const char *why);

/* Says the last word: "yours" or "no". Returns 0 or TXTD_ESYS. */
int takeover_say(int fd, bool yours);

/* --- The successor --- */

/* Asks the txtd behind the control socket `path` for its sockets; from then on it refuses changes. *fd is the connection. The
 * descriptors are the caller's. Returns 0, or a code with a `detail`; then it goes on as before. */
int takeover_ask(const char *path, int *fd, struct takeover_sockets *sockets, struct error_detail *detail);

/* Says that DNS is answered here, and waits for the word. Returns 0: it is ours; or TXTD_ECONFLICT with a `detail`. */
int takeover_serving(int fd, struct error_detail *detail);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t takeover_now_ms(void);

#endif
