#include "control/zone_publication.h"

#include <stdlib.h>

#include "control/value_ttls.h"
#include "control/zone_loader.h"
#include "dataplane/respond.h"
#include "storage/store.h"

static int load(const struct config *config, struct zone_set **zones, struct error_detail *detail)
{
    struct zone_source *sources = calloc(CONFIG_ZONES_MAX, sizeof *sources);
    if (sources == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "the zones: %s", txtd_error_text(TXTD_ENOMEM));
    }
    for (unsigned i = 0; i < config->zones_count; i++) {
        sources[i] = config->zones[i].source;
    }
    int rc = zone_loader_load(sources, config->zones_count, zones, detail);
    free(sources);
    return rc;
}

int zone_publication_check(const struct config *config, struct error_detail *detail)
{
    struct zone_set *zones = NULL;
    int rc = load(config, &zones, detail);
    if (rc == 0) {
        zone_set_free(zones);
    }
    return rc;
}

int zone_publication_publish(struct config *config, struct store *store, struct value_ttls *ttls,
                             struct responder *responder, struct error_detail *detail)
{
    struct zone_set *zones = NULL;
    for (unsigned i = 0; i < config->zones_count; i++) {
        struct config_zone *zone = &config->zones[i];
        int rc = store_zone_number(store, zone->name, &zone->source.options.number, detail);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = load(config, &zones, detail);
    if (rc != 0) {
        return rc;
    }
    for (unsigned i = 0; i < config->zones_count; i++) {
        const struct zone_options *options = &config->zones[i].source.options;
        value_ttls_set(ttls, options->number, options->value_ttl_s);
    }
    responder_publish_zones(responder, zones);
    return 0;
}
