/* dns_ask.h: one question to one DNS server, or to the system's resolver (libldns). One thread; waits. */
#ifndef TXTD_CONTROL_TXTCTL_DNS_ASK_H
#define TXTD_CONTROL_TXTCTL_DNS_ASK_H

#include <ldns/ldns.h>
#include <stdbool.h>

#include "dataplane/error.h"

#define DNS_ASK_HOST_MAX 256

struct dns_server; /* a way to one server */

/* Splits "host", "host:port", "[address]:port", "address" (IPv6, too). `port` is 53 when none is given.
 * Returns 0 or TXTD_EINVAL. Pure. */
int dns_ask_split(const char *server, char host[DNS_ASK_HOST_MAX], unsigned *port);

/* `server` as above, or NULL: the resolvers of /etc/resolv.conf. `recursive` asks it to resolve (RD). A question takes `timeout_s`
 * at most, two tries. Returns 0 with *made, or TXTD_EINVAL, TXTD_ENOTFOUND (no such host), TXTD_ESYS or TXTD_ENOMEM with a `detail`. */
int dns_ask_open(const char *server, bool recursive, unsigned timeout_s, struct dns_server **made,
                 struct error_detail *detail);
void dns_ask_close(struct dns_server *server);

/* Asks by UDP and, if the answer is cut short, by TCP; with DNSSEC's records (DO), `unchecked` with CD: as it is, even if it does
 * not validate. Returns 0 with *answer (ldns_pkt_free) whatever its rcode, or TXTD_EINVAL (no domain name) or TXTD_ETIMEOUT with a
 * `detail`. */
int dns_ask(struct dns_server *server, const char *name, ldns_rr_type type, bool unchecked, ldns_pkt **answer,
            struct error_detail *detail);

#endif
