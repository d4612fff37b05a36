/* Building a zone_set: records are collected and checked, then sorted into names and RRsets. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/zone/zone_builder.h"
#include "dataplane/zone/zone_set_internal.h"

#define ZONES_MAX   65535
#define RECORDS_MAX (UINT32_C(1) << 24)

struct zone_set_builder *zone_set_builder_new(void)
{
    return calloc(1, sizeof(struct zone_set_builder));
}

void zone_set_builder_free(struct zone_set_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (size_t i = 0; i < builder->records_count; i++) {
        free(builder->records[i].owner);
        free(builder->records[i].rdata);
    }
    free(builder->records);
    free(builder->buckets);
    free(builder->zones);
    free(builder);
}

/* Makes room for one more of `size` octets in *array. */
static int make_room(void **array, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return 0;
    }
    size_t wanted = *room == 0 ? 16 : *room * 2;
    void *grown = reallocarray(*array, wanted, size);
    if (grown == NULL) {
        return TXTD_ENOMEM;
    }
    *array = grown;
    *room = wanted;
    return 0;
}

static bool read_whole_name(const uint8_t *name, size_t len, struct name_labels *labels)
{
    struct wire_reader reader = reader_at(name, len, 0);
    return name_read(&reader, labels) && reader_left(&reader) == 0;
}

static struct pending_zone *find_pending(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len)
{
    for (size_t i = 0; i < builder->zones_count; i++) {
        struct pending_zone *zone = &builder->zones[i];
        if (zone->labels.len == apex_len && name_equal(zone->apex, apex, apex_len)) {
            return zone;
        }
    }
    return NULL;
}

int zone_set_builder_add_zone(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len,
                              const struct zone_options *options)
{
    struct pending_zone zone = {.options = *options};
    if (!read_whole_name(apex, apex_len, &zone.labels) || zone.labels.count == 0 ||
        apex_len + DELEGATE_ID_TEXT_LEN + 1 > DNS_NAME_MAX || builder->zones_count >= ZONES_MAX) {
        return TXTD_EINVAL;
    }
    if (find_pending(builder, apex, apex_len) != NULL) {
        return TXTD_EEXISTS;
    }
    int rc = make_room((void **)&builder->zones, builder->zones_count, &builder->zones_room, sizeof zone);
    if (rc == 0) {
        memcpy(zone.apex, apex, apex_len);
        builder->zones[builder->zones_count++] = zone;
    }
    return rc;
}

/* --- One record --- */

static bool is_wildcard(const uint8_t *owner, const struct name_labels *labels)
{
    for (unsigned i = 0; i < labels->count; i++) {
        if (owner[labels->offsets[i]] == 1 && owner[labels->offsets[i] + 1] == '*') {
            return true;
        }
    }
    return false;
}

/* Whether the label directly below the apex is a delegate's. */
static bool is_delegates(const uint8_t *owner, const struct name_labels *labels, const struct pending_zone *zone)
{
    if (labels->count <= zone->labels.count) {
        return false;
    }
    const uint8_t *label = owner + labels->offsets[labels->count - zone->labels.count - 1];
    struct delegate_id id;
    return label[0] == DELEGATE_ID_TEXT_LEN && delegate_id_parse((const char *)label + 1, label[0], &id) == 0;
}

static int check_record(const struct pending_zone *zone, const uint8_t *owner, const struct name_labels *labels,
                        uint16_t type, struct error_detail *detail)
{
    size_t apex_len = zone->labels.len;
    if (labels->count < zone->labels.count ||
        !name_equal(owner + labels->offsets[labels->count - zone->labels.count], zone->apex, apex_len)) {
        return error_describe(detail, TXTD_EINVAL, "the owner is outside the zone");
    }
    bool at_apex = labels->count == zone->labels.count;
    if (is_wildcard(owner, labels)) {
        return error_describe(detail, TXTD_EINVAL, "wildcards are not served; write the names out");
    }
    if (type == DNS_TYPE_DNAME) {
        return error_describe(detail, TXTD_EINVAL, "DNAME is not served; use CNAME records");
    }
    if (type == DNS_TYPE_NS && !at_apex) {
        return error_describe(detail, TXTD_EINVAL, "NS below the apex: delegations out of the zone are not served");
    }
    if (type == DNS_TYPE_SOA && !at_apex) {
        return error_describe(detail, TXTD_EINVAL, "SOA below the apex");
    }
    if (type == 0 || type == DNS_TYPE_OPT || (type >= DNS_TYPE_NXNAME && type <= DNS_TYPE_ANY)) {
        return error_describe(detail, TXTD_EINVAL, "TYPE%u cannot be stored in a zone", type);
    }
    if (is_delegates(owner, labels, zone)) {
        return error_describe(detail, TXTD_EINVAL,
                              "the owner is a delegate's name; delegates are made through the API");
    }
    return 0;
}

/* Compares a new record with those of the same owner. */
static int check_against(const struct pending_record *old, const struct pending_record *new, bool *duplicate,
                         struct error_detail *detail)
{
    bool same_data = old->type == new->type &&
                     old->rdata_len == new->rdata_len &&memcmp(old->rdata, new->rdata, new->rdata_len) == 0;
    if (same_data && old->ttl_s == new->ttl_s) {
        *duplicate = true;
        return 0;
    }
    if (old->type == new->type && old->ttl_s != new->ttl_s) {
        /* RFC 2181 section 5.2 */
        return error_describe(detail, TXTD_EINVAL, "another record of this name and type has the TTL %u", old->ttl_s);
    }
    if (old->type == DNS_TYPE_SOA && new->type == DNS_TYPE_SOA) {
        return error_describe(detail, TXTD_EINVAL, "a second SOA");
    }
    if (old->type == DNS_TYPE_CNAME || new->type == DNS_TYPE_CNAME) {
        /* RFC 2181 section 10.1 */
        return error_describe(detail, TXTD_EINVAL, "CNAME beside other data of the same name");
    }
    return 0;
}

static int check_conflicts(const struct zone_set_builder *builder, const struct pending_record *record, bool *duplicate,
                           struct error_detail *detail)
{
    const struct pending_record *old;
    for (size_t at = builder->buckets[record->hash & (builder->records_room - 1)]; at != 0; at = old->previous) {
        old = &builder->records[at - 1];
        if (old->zone == record->zone && old->labels.len == record->labels.len &&
            name_equal(old->owner, record->owner, record->labels.len)) {
            int rc = check_against(old, record, duplicate, detail);
            if (rc != 0 || *duplicate) {
                return rc;
            }
        }
    }
    return 0;
}

static void enter_bucket(struct zone_set_builder *builder, size_t position)
{
    struct pending_record *record = &builder->records[position];
    size_t *bucket = &builder->buckets[record->hash & (builder->records_room - 1)];
    record->previous = *bucket;
    *bucket = position + 1;
}

/* Makes room for one more record, in the array and in the buckets. */
static int make_record_room(struct zone_set_builder *builder)
{
    size_t room = builder->records_room;
    int rc = make_room((void **)&builder->records, builder->records_count, &builder->records_room,
                       sizeof builder->records[0]);
    if (rc != 0 || builder->records_room == room) {
        return rc;
    }
    free(builder->buckets);
    builder->buckets = calloc(builder->records_room, sizeof builder->buckets[0]);
    if (builder->buckets == NULL) {
        return TXTD_ENOMEM;
    }
    for (size_t i = 0; i < builder->records_count; i++) {
        enter_bucket(builder, i);
    }
    return 0;
}

int zone_set_builder_add_record(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len,
                                const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl_s,
                                const uint8_t *rdata, size_t rdata_len, struct error_detail *detail)
{
    struct pending_record record = {.type = type, .ttl_s = ttl_s, .order = builder->records_count};
    struct pending_zone *zone = find_pending(builder, apex, apex_len);
    if (zone == NULL) {
        return error_describe(detail, TXTD_ENOTFOUND, "no such zone");
    }
    if (!read_whole_name(owner, owner_len, &record.labels) || rdata_len > UINT16_MAX) {
        return error_describe(detail, TXTD_EINVAL, "the owner or the data is malformed");
    }
    if (builder->records_count >= RECORDS_MAX) {
        return error_describe(detail, TXTD_EINVAL, "more than %u records", RECORDS_MAX);
    }
    if (ttl_s > INT32_MAX) { /* RFC 2181 section 8 */
        return error_describe(detail, TXTD_EINVAL, "the TTL is above 2147483647");
    }
    int rc = check_record(zone, owner, &record.labels, type, detail);
    if (rc == 0) {
        rc = make_record_room(builder);
    }
    if (rc != 0) {
        return rc;
    }
    record.hash = zone_name_hash((struct wire_name){owner, &record.labels});
    record.zone = (size_t)(zone - builder->zones);
    record.rdata_len = (uint16_t)rdata_len;
    record.owner = malloc(owner_len);
    record.rdata = malloc(rdata_len > 0 ? rdata_len : 1);
    bool duplicate = false;
    if (record.owner == NULL || record.rdata == NULL) {
        rc = TXTD_ENOMEM;
    } else {
        memcpy(record.owner, owner, owner_len);
        memcpy(record.rdata, rdata, rdata_len);
        rc = check_conflicts(builder, &record, &duplicate, detail);
    }
    if (rc != 0 || duplicate) {
        free(record.owner);
        free(record.rdata);
        return rc;
    }
    builder->records[builder->records_count] = record;
    enter_bucket(builder, builder->records_count++);
    return 0;
}
