/* health.h: is this process serving?
 *
 * A background thread asks our own DNS socket for the SOA of the first zone, and the store whether it would take a change,
 * once a second. Requests for /health, /livez and /readyz read the last result: they never cause a query or a write.
 */
#ifndef TXTD_CONTROL_HEALTH_H
#define TXTD_CONTROL_HEALTH_H

#include <stdbool.h>
#include <sys/socket.h>

#include "dataplane/error.h"

struct health;
struct log;
struct service;
struct store;

struct health_settings {
    struct sockaddr_storage dns_address; /* one that the DNS server is bound to; a wildcard means loopback */
    socklen_t dns_address_len;
    struct service *service;   /* borrowed: knows the zones */
    const struct store *store; /* borrowed */
    struct log *log;           /* borrowed; for what becomes of the store (store_watch.h); may be NULL */
};

/* What the last probe found. */
struct health_report {
    bool dns_answers;   /* NOERROR from our own socket (or TC, when rate limiting slips), so the table is loaded */
    int store;          /* store_writable's answer */
    bool store_damaged; /* a read has found damage since the start */
    const char *reason; /* constant text of the first trouble, "" without one */
};

/* Start-up thread, after the DNS server has started. Makes the socket, probes once, starts the thread.
 * Returns 0, TXTD_ENOMEM or TXTD_ESYS with a `detail`. */
int health_start(const struct health_settings *settings, struct health **health, struct error_detail *detail);

/* Joins the thread (within a second) and frees. After the HTTP server has ended, before the store is closed. */
void health_stop(struct health *health);

/* The last probe's result, at most a few seconds old. Any thread; no I/O. */
void health_read(const struct health *health, struct health_report *report);

#endif
