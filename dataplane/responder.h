/* responder.h: what the files of the responder share: the RCU-protected settings and zones. Not for other rooms. */
#ifndef TXTD_DATAPLANE_RESPONDER_H
#define TXTD_DATAPLANE_RESPONDER_H

#include "dataplane/respond.h"
#include "dataplane/zone/zone_set.h"

struct responder {
    const struct delegate_table *table;
    struct zone_set *zones;            /* RCU */
    struct respond_settings *settings; /* RCU; never NULL */
    struct usage_rings *usage;
};

#endif
