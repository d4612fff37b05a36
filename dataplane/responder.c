/* Making a responder, and swapping in its zones and settings by RCU. */
#include "dataplane/responder.h"

#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/usage.h"

struct responder *responder_new(const struct delegate_table *table)
{
    struct responder *responder = calloc(1, sizeof *responder);
    struct respond_settings *settings = calloc(1, sizeof *settings);
    struct usage_rings *usage = usage_rings_new();
    if (responder == NULL || settings == NULL || usage == NULL) {
        free(responder);
        free(settings);
        usage_rings_free(usage);
        return NULL;
    }
    responder->table = table;
    responder->settings = settings;
    responder->usage = usage;
    return responder;
}

void responder_free(struct responder *responder)
{
    if (responder != NULL) {
        zone_set_free(responder->zones);
        free(responder->settings);
        usage_rings_free(responder->usage);
        free(responder);
    }
}

void responder_publish_zones(struct responder *responder, struct zone_set *zones)
{
    struct zone_set *old = rcu_xchg_pointer(&responder->zones, zones);
    urcu_qsbr_synchronize_rcu();
    zone_set_free(old);
}

int responder_publish_settings(struct responder *responder, const struct respond_settings *settings)
{
    struct respond_settings *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return TXTD_ENOMEM;
    }
    *copy = *settings;
    struct respond_settings *old = rcu_xchg_pointer(&responder->settings, copy);
    urcu_qsbr_synchronize_rcu();
    free(old);
    return 0;
}

struct usage_rings *responder_usage(const struct responder *responder)
{
    return responder->usage;
}

void responder_add_worker(const struct responder *responder, struct respond_worker *worker)
{
    worker->usage = usage_rings_add(responder->usage);
}
