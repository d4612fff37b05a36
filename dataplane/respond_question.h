/* respond_question.h: reading a query, and seeing from its form whether it asks for a delegate. */
#ifndef TXTD_DATAPLANE_RESPOND_QUESTION_H
#define TXTD_DATAPLANE_RESPOND_QUESTION_H

#include "dataplane/dns/query.h"
#include "dataplane/zone/zone_lookup.h"

/* Fills in all of *query from the `len` octets at `wire`, as query_parse does. When the question is well-formed, of class IN,
 * and its qname a UUID in the 36-character form directly below an apex of `zones` (which may be NULL), returns that zone and
 * fills in *id; otherwise NULL. Pure; on-line QSBR reader. */
const struct zone *question_read(const struct zone_set *zones, const uint8_t *wire, size_t len, struct query *query,
                                 struct delegate_id *id);

/* The second half of it, for any name: the zone and *id when `name` has a delegate's form, or NULL. Pure. */
const struct zone *question_delegate_form(const struct zone_set *zones, struct wire_name name, struct delegate_id *id);

#endif
