/* dns_check.h: whether a DNS server answers a value. */
#ifndef TXTD_CONTROL_TXTCTL_DNS_CHECK_H
#define TXTD_CONTROL_TXTCTL_DNS_CHECK_H

#include <stdbool.h>

#include "dataplane/error.h"

/* Whether `server` (as dns_ask_split reads it) answers `value` among the TXT records of `name`, asked without recursion, by UDP
 * and, if that is cut short, by TCP. Returns 0 with *found, or TXTD_EINVAL, TXTD_ENOTFOUND (no such host), TXTD_ETIMEOUT or
 * TXTD_ESYS (no answer, or an error as the answer) with a `detail`. */
int dns_check(const char *server, const char *name, const char *value, unsigned timeout_s, bool *found,
              struct error_detail *detail);

#endif
