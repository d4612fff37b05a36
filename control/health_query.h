/* health_query.h: the DNS message with which the health probe asks its own server, and what counts as an answer. Pure. */
#ifndef TXTD_CONTROL_HEALTH_QUERY_H
#define TXTD_CONTROL_HEALTH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

#define HEALTH_QUERY_MAX 271 /* octets: header, the longest name, type and class */

/* A query for the SOA of `apex` (presentation form). Returns its octets, or TXTD_EINVAL for what is no name. */
int health_query_build(const char *apex, uint16_t id, uint8_t query[HEALTH_QUERY_MAX]);

/* Whether the message answers the query: its ID, QR, and NOERROR with AA; or TC, which is how rate limiting says that the
 * server is there (RFC 1035 section 4.1.1). */
bool health_query_answered(const uint8_t query[HEALTH_QUERY_MAX], const uint8_t *answer, size_t answer_len);

#endif
