#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "control/config_keys.h"
#include "control/config_parts.h"
#include "control/config_units.h"
#include "dataplane/zone/delegate.h"

#define TTL_MAX_S 0x7fffffffu /* RFC 2181 section 8 */

/* A name has 255 octets at most (RFC 1035 section 2.3.4), a delegate's label 37 of them; the first label's length and the root
 * take one each. */
#define APEX_CHARS_MAX (255 - (1 + DELEGATE_ID_TEXT_LEN) - 2)

#define ZONE_KEY(member, target, ...)                                                                                  \
    CONFIG_KEY(struct config_raw_zone, struct config_zone, member, target, __VA_ARGS__)

static const struct config_key zone_keys[] = {
    ZONE_KEY(hostmaster, source.basics.hostmaster, CONFIG_STRING, NULL, 1, 254),
    ZONE_KEY(ttl, source.basics.ttl_s, CONFIG_SECONDS, "1h", 0, TTL_MAX_S),
    ZONE_KEY(negative_ttl, source.basics.minimum_s, CONFIG_SECONDS, "1s", 0, TTL_MAX_S),
    ZONE_KEY(value_ttl, source.options.value_ttl_s, CONFIG_SECONDS, "1s", 0, TTL_MAX_S),
    ZONE_KEY(value_expiry, value_expiry_s, CONFIG_SECONDS, "30d", 0, 10ull * 366 * 86400),
    ZONE_KEY(slots, slots, CONFIG_NUMBER, "2", 2, DELEGATE_VALUES_MAX),
    ZONE_KEY(zone_file, source.file, CONFIG_STRING, NULL, 1, 4095),
    ZONE_KEY(delegate_caa, source.options.delegate_caa, CONFIG_BOOL, "true", 0, 1),
    ZONE_KEY(delegate_mail_hardening, source.options.delegate_mail_hardening, CONFIG_BOOL, "false", 0, 1),
};

static bool lies_inside(const char *name, const char *apex)
{
    size_t name_len = strlen(name), apex_len = strlen(apex);
    return name_len >= apex_len && strcmp(name + name_len - apex_len, apex) == 0 &&
           (name_len == apex_len || name[name_len - apex_len - 1] == '.');
}

static int read_nameserver(const struct config_reader *reader, const struct config_raw_nameserver *raw,
                           const char *prefix, const char *apex, struct zone_nameserver *nameserver)
{
    char path[160], name[CONFIG_NAME_SIZE];
    (void)snprintf(path, sizeof path, "%s.name", prefix);
    if (config_parse_zone_name(raw->name, name) != 0) {
        return config_refuse(reader, path, "\"%.80s\" is not a host name", raw->name);
    }
    if (lies_inside(name, apex) && raw->addresses_count == 0) {
        return config_refuse(reader, prefix, "%s lies in the zone, so it needs addresses", name);
    }
    if (!lies_inside(name, apex) && raw->addresses_count > 0) {
        return config_refuse(reader, prefix, "%s lies outside %s: its addresses belong into its own zone", name, apex);
    }
    for (unsigned i = 0; i < raw->addresses_count; i++) {
        struct ip_prefix address;
        (void)snprintf(path, sizeof path, "%s.addresses[%u]", prefix, i);
        if (strchr(raw->addresses[i], '/') != NULL || config_parse_prefix(raw->addresses[i], &address) != 0) {
            return config_refuse(reader, path, "\"%.80s\" is not an IPv4 or IPv6 address", raw->addresses[i]);
        }
    }
    nameserver->name = raw->name;
    nameserver->addresses = raw->addresses;
    nameserver->addresses_count = raw->addresses_count;
    return 0;
}

static int read_nameservers(const struct config_reader *reader, const struct config_raw_zone *raw, const char *prefix,
                            const char *apex, struct zone_basics *basics)
{
    struct zone_nameserver *nameservers =
        config_alloc(reader->memory, raw->nameservers_count, sizeof(struct zone_nameserver));
    if (nameservers == NULL) {
        return config_no_memory(reader);
    }
    for (unsigned i = 0; i < raw->nameservers_count; i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "%s.nameservers[%u]", prefix, i);
        int rc = read_nameserver(reader, &raw->nameservers[i], path, apex, &nameservers[i]);
        if (rc != 0) {
            return rc;
        }
    }
    basics->nameservers = nameservers;
    basics->nameservers_count = raw->nameservers_count;
    return 0;
}

static int read_name(const struct config_reader *reader, const struct config_raw_zone *raw, const char *prefix,
                     const struct config *config, const char **name)
{
    char path[80], apex[CONFIG_NAME_SIZE];
    (void)snprintf(path, sizeof path, "%s.name", prefix);
    if (config_parse_zone_name(raw->name, apex) != 0) {
        return config_refuse(reader, path, "\"%.80s\" is not a domain name", raw->name);
    }
    if (strlen(apex) > APEX_CHARS_MAX) {
        return config_refuse(reader, path, "the name has more than %d characters: no delegate's name fits below it",
                             APEX_CHARS_MAX);
    }
    for (unsigned i = 0; i < config->zones_count; i++) {
        if (strcmp(config->zones[i].name, apex) == 0) {
            return config_refuse(reader, path, "%s is zones[%u] already", apex, i);
        }
    }
    *name = config_text(reader->memory, "%s", apex);
    return *name == NULL ? config_no_memory(reader) : 0;
}

static int find_record_lines(const struct config_reader *reader, const struct config_raw_zone *raw, const char *prefix,
                             struct zone_source *source)
{
    unsigned *lines = config_alloc(reader->memory, raw->records_count, sizeof *lines);
    if (lines == NULL) {
        return config_no_memory(reader);
    }
    for (unsigned i = 0; i < raw->records_count; i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "%s.records[%u]", prefix, i);
        lines[i] = (unsigned)config_document_line(reader->document, path);
    }
    source->records = raw->records;
    source->records_count = raw->records_count;
    source->records_lines = lines;
    return 0;
}

/* Without a zone file or records there must be a name server at least, or the zone cannot be served. */
static int read_zone(const struct config_reader *reader, const struct config_raw_zone *raw, unsigned index,
                     struct config *config)
{
    struct config_zone *zone = &config->zones[index];
    char prefix[40];
    (void)snprintf(prefix, sizeof prefix, "zones[%u]", index);
    int rc = read_name(reader, raw, prefix, config, &zone->name);
    if (rc != 0) {
        return rc;
    }
    zone_basics_init(&zone->source.basics);
    rc = config_keys_read(reader, zone_keys, sizeof zone_keys / sizeof zone_keys[0], raw, zone, prefix);
    if (rc == 0) {
        rc = read_nameservers(reader, raw, prefix, zone->name, &zone->source.basics);
    }
    if (rc == 0 && raw->nameservers_count == 0 && raw->zone_file == NULL && raw->records_count == 0) {
        rc = config_refuse(reader, prefix, "%s has no name server; give nameservers, or a zone_file with NS records",
                           zone->name);
    }
    if (rc == 0) {
        rc = find_record_lines(reader, raw, prefix, &zone->source);
    }
    zone->source.name = zone->name;
    zone->source.records_from = config->file;
    return rc;
}

int config_read_zones(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    if (raw->zones_count == 0) {
        return config_refuse(reader, "zones", "no zone is given; txtd needs at least one");
    }
    config->zones = config_alloc(reader->memory, raw->zones_count, sizeof(struct config_zone));
    if (config->zones == NULL) {
        return config_no_memory(reader);
    }
    for (unsigned i = 0; i < raw->zones_count; i++) {
        int rc = read_zone(reader, &raw->zones[i], i, config);
        if (rc != 0) {
            return rc;
        }
        config->zones_count = i + 1;
    }
    return 0;
}
