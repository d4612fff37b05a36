/* dns_check.h: asks one DNS server for the TXT records of a name (libldns). */
#ifndef TXTD_CONTROL_TXTCTL_DNS_CHECK_H
#define TXTD_CONTROL_TXTCTL_DNS_CHECK_H

#include <stdbool.h>

#include "dataplane/error.h"

#define DNS_CHECK_HOST_MAX 256

/* Splits "host", "host:port", "[address]:port", "address" (IPv6, too). `port` is 53 when none is given.
 * Returns 0 or TXTD_EINVAL. Pure. */
int dns_check_split(const char *server, char host[DNS_CHECK_HOST_MAX], unsigned *port);

/* Whether `server` (as above) answers `value` among the TXT records of `name`, asked without recursion, by UDP and, if that
 * is cut short, by TCP. Returns 0 with *found, or TXTD_EINVAL, TXTD_ENOTFOUND (no such host), TXTD_ETIMEOUT or TXTD_ESYS
 * (no answer, or an error as the answer) with a `detail`. */
int dns_check(const char *server, const char *name, const char *value, unsigned timeout_s, bool *found,
              struct error_detail *detail);

#endif
