/* daemon_service.c: what the service is to know of the configuration. */
#include "control/daemon_internal.h"

void daemon_service_settings(const struct config *config, struct service_zone zones[CONFIG_ZONES_MAX],
                             struct service_settings *settings)
{
    for (unsigned i = 0; i < config->zones_count; i++) {
        const struct config_zone *zone = &config->zones[i];
        zones[i] = (struct service_zone){.name = zone->name,
                                         .number = zone->source.options.number,
                                         .slots = zone->slots,
                                         .value_expiry_s = zone->value_expiry_s};
    }
    *settings = (struct service_settings){
        .zones = zones,
        .zones_count = config->zones_count,
        .registration = config->api.registration,
        .registration_tokens = config->api.registration_tokens,
        .registration_tokens_count = config->api.registration_tokens_count,
        .operator_tokens = config->api.operator_tokens,
        .operator_tokens_count = config->api.operator_tokens_count,
        .rates = config->api.rates,
        .delegates_max = config->api.delegates_max,
        .edits_max = config->api.edits_max,
        .expire_unused_s = config->api.expire_unused_s,
        .expire_idle_s = config->api.expire_idle_s,
        .server_url = config->api.public_url,
        .cors_origins = config->api.cors_origins,
        .cors_origins_count = config->api.cors_origins_count,
        /* those that wait for the committer, those in its hands, and those in the feed */
        .calls_max = (unsigned)(config->committer.queue_max + 2 * config->committer.batch_max),
    };
}
