/* xdp_interfaces.h: DNS over AF_XDP on every interface of the configuration, as one thing.
 *
 * Made, started, stopped, released and freed by the main thread, each step beside the same one of the DNS server; read by
 * anyone.
 */
#ifndef TXTD_CONTROL_XDP_INTERFACES_H
#define TXTD_CONTROL_XDP_INTERFACES_H

#include "dataplane/error.h"

#define XDP_INTERFACES_MAX 16

struct config;
struct dns_server;
struct log;
struct responder;
struct respond_counters;
struct xdp_counters;
struct xdp_interfaces;

/* Binds every interface of `config` for the addresses that `dns` is bound to. As root, or with the capabilities that xdp_bind
 * needs. All is borrowed. Returns 0, also when there is no interface, or what xdp_bind returns, with a `detail` that names the
 * interface; nothing is left attached then. */
int xdp_interfaces_bind(const struct config *config, const struct dns_server *dns, const struct responder *responder,
                        struct xdp_interfaces **made, struct error_detail *detail);

/* Lets queries in. Needs no privileges. Returns 0 or TXTD_ESYS; then none is served. */
int xdp_interfaces_start(struct xdp_interfaces *interfaces, struct error_detail *detail);

/* Says how each was set up. */
void xdp_interfaces_log(const struct xdp_interfaces *interfaces, struct log *log);

/* Queries go to the kernel's sockets again, what was received is answered. */
void xdp_interfaces_stop(struct xdp_interfaces *interfaces);

/* Stops and detaches, so that another process may bind the same interfaces; the kernel's sockets get the queries from now on.
 * The names and what was counted stay readable. For good: there are no privileges any more to bind again. NULL is harmless. */
void xdp_interfaces_release(struct xdp_interfaces *interfaces);

/* Detaches. After xdp_interfaces_stop or xdp_interfaces_release, or instead of start. NULL is harmless. */
void xdp_interfaces_free(struct xdp_interfaces *interfaces);

unsigned xdp_interfaces_count(const struct xdp_interfaces *interfaces);
const char *xdp_interfaces_name(const struct xdp_interfaces *interfaces, unsigned index);

/* What one interface has counted. Any thread. */
void xdp_interfaces_counters(struct xdp_interfaces *interfaces, unsigned index, struct respond_counters *respond,
                             struct xdp_counters *xdp);

#endif
