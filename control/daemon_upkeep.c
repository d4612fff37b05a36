/* daemon_upkeep.c: what goes on beside requests and queries: counting who is asked for, deleting what nobody uses. */
#include "control/daemon_internal.h"
#include "control/expirer.h"
#include "control/usage_collector.h"
#include "dataplane/respond.h"

int daemon_upkeep_start(struct daemon *daemon, struct error_detail *detail)
{
    int rc = usage_collector_start(responder_usage(daemon->responder), daemon->store, &daemon->usage);
    if (rc == 0) {
        rc = expirer_start(daemon->service, daemon->log, EXPIRER_WAIT_S, &daemon->expirer);
    }
    return rc == 0 ? 0
                   : error_describe(detail, rc, "the threads for usage and expiry cannot be started: %s",
                                    txtd_error_text(rc));
}

void daemon_upkeep_stop_changes(struct daemon *daemon)
{
    expirer_stop(daemon->expirer);
    daemon->expirer = NULL;
}

void daemon_upkeep_stop(struct daemon *daemon)
{
    usage_collector_stop(daemon->usage);
    daemon->usage = NULL;
}
