/* respond_name.h: the answer that the zones have for one name: static records, delegates, CNAMEs followed. */
#ifndef TXTD_DATAPLANE_RESPOND_NAME_H
#define TXTD_DATAPLANE_RESPOND_NAME_H

#include "dataplane/dns/answer.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_lookup.h"

/* What one query is answered from. */
struct name_context {
    const struct zone_set *zones;
    const struct delegate_table *table;
    int64_t wall_s;
};

/* What kind of answer it became. */
enum name_outcome {
    NAME_POSITIVE_DELEGATE, /* a delegate's TXT values */
    NAME_POSITIVE_STATIC,
    NAME_NODATA,
    NAME_NXDOMAIN,
    NAME_TRUNCATED,
};

/* Answers for a delegate that was found in the table, at the qname. */
enum name_outcome name_answer_delegate(struct answer *answer, const struct name_context *context,
                                       const struct zone *zone, const struct delegate_entry *entry);

/* Answers for any name in `zone`, the zone that the qname is in. On-line QSBR reader. */
enum name_outcome name_answer(struct answer *answer, const struct name_context *context, const struct zone *zone);

/* Answers NXDOMAIN from `zone` for a qname in a delegate's form directly below its apex. */
enum name_outcome name_answer_no_delegate(struct answer *answer, const struct zone *zone);

#endif
