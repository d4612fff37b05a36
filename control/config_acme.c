/* The name of the API's own certificate: which zone holds its challenges, and the CNAME that leads there. */
#include <stdio.h>
#include <string.h>

#include "control/config_parts.h"
#include "control/config_units.h"

#define CHALLENGE_LABEL_LEN 16 /* "_acme-challenge." (RFC 8555 section 8.4) */
#define NAME_CHARS_MAX      253

static bool lies_inside(const char *name, const char *apex)
{
    size_t name_len = strlen(name), apex_len = strlen(apex);
    return name_len >= apex_len && strcmp(name + name_len - apex_len, apex) == 0 &&
           (name_len == apex_len || name[name_len - apex_len - 1] == '.');
}

/* The closest zone above the name; for a name in none of ours the first zone, as for registrations. */
static void find_zone(struct config *config)
{
    struct config_api *api = &config->api;
    size_t closest = 0;
    for (unsigned i = 0; api->acme_name != NULL && i < config->zones_count; i++) {
        size_t len = strlen(config->zones[i].name);
        if (len > closest && lies_inside(api->acme_name, config->zones[i].name)) {
            closest = len;
            api->acme_zone = i;
            api->acme_served = true;
        }
    }
}

/* As if the operator had written the record into the zone's `records`. */
static int add_record(const struct config_reader *reader, struct config *config)
{
    struct zone_source *source = &config->zones[config->api.acme_zone].source;
    const unsigned count = source->records_count;
    const char **records = config_alloc(reader->memory, count + 1, sizeof *records);
    unsigned *lines = config_alloc(reader->memory, count + 1, sizeof *lines);
    char *record =
        config_text(reader->memory, "_acme-challenge.%s. IN CNAME %s.", config->api.acme_name, config->api.acme_target);
    if (records == NULL || lines == NULL || record == NULL) {
        return config_no_memory(reader);
    }
    for (unsigned i = 0; i < count; i++) {
        records[i] = source->records[i];
        lines[i] = source->records_lines[i];
    }
    records[count] = record;
    lines[count] = (unsigned)config_document_line(reader->document, "api.acme_name");
    source->records = records;
    source->records_lines = lines;
    source->records_count = count + 1;
    return 0;
}

int config_read_acme(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    struct config_api *api = &config->api;
    char name[CONFIG_NAME_SIZE];
    if (raw->api.acme_name != NULL) {
        if (config_parse_zone_name(raw->api.acme_name, name) != 0 ||
            strlen(name) + CHALLENGE_LABEL_LEN > NAME_CHARS_MAX) {
            return config_refuse(reader, "api.acme_name", "\"%.80s\" is not a host name", raw->api.acme_name);
        }
        api->acme_name = config_text(reader->memory, "%s", name);
        if (api->acme_name == NULL) {
            return config_no_memory(reader);
        }
        if (config->process.control_socket == NULL) {
            return config_refuse(reader, "api.acme_name",
                                 "needs process.control_socket: the challenges come in through it");
        }
    }
    find_zone(config);
    api->acme_target = config_text(reader->memory, CONFIG_RESERVED_DELEGATE ".%s", config->zones[api->acme_zone].name);
    if (api->acme_target == NULL) {
        return config_no_memory(reader);
    }
    return api->acme_served ? add_record(reader, config) : 0;
}
