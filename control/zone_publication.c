#include "control/zone_publication.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Errors of a zone file's line name that, and those of a record in the configuration its line. All others are found here: which
 * zone it is shows by loading each alone. */
static int blame(const struct config *config, int code, struct error_detail *detail)
{
    for (unsigned i = 0; code != 0 && i < config->zones_count; i++) {
        const struct zone_source *source = &config->zones[i].source;
        struct zone_set *zones = NULL;
        struct error_detail own = {""};
        char key[48];
        if (zone_loader_load(source, 1, &zones, &own) == 0) {
            zone_set_free(zones);
            continue;
        }
        size_t len = source->file == NULL ? 0 : strlen(source->file), config_len = strlen(config->file);
        bool in_file = len > 0 && strncmp(detail->text, source->file, len) == 0;
        const char *at = in_file                                                ? detail->text + len
                         : strncmp(detail->text, config->file, config_len) == 0 ? detail->text + config_len
                                                                                : "";
        if (at[0] == ':' && isdigit((unsigned char)at[1]) != 0) {
            return code;
        }
        if (!in_file && at[0] == ':') { /* "<file>: zone ...": the line comes between */
            const struct error_detail inner = *detail;
            (void)error_describe(detail, code, "%s", inner.text + (at - detail->text) + strlen(": "));
        }
        (void)snprintf(key, sizeof key, in_file ? "zones[%u].zone_file" : "zones[%u]", i);
        return config_blame(config, key, code, detail);
    }
    return code;
}

int zone_publication_check(const struct config *config, struct error_detail *detail)
{
    struct zone_set *zones = NULL;
    int rc = load(config, &zones, detail);
    if (rc == 0) {
        zone_set_free(zones);
    }
    return blame(config, rc, detail);
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
        return blame(config, rc, detail);
    }
    for (unsigned i = 0; i < config->zones_count; i++) {
        const struct zone_options *options = &config->zones[i].source.options;
        value_ttls_set(ttls, options->number, options->value_ttl_s);
    }
    responder_publish_zones(responder, zones);
    return 0;
}
