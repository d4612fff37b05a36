/* Turning what a builder collected into a snapshot: names with their RRsets, empty non-terminals, indexes. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/zone/zone_builder.h"
#include "dataplane/zone/zone_set_internal.h"

/* Where the finishing stands: everything is counted first, so that each array is allocated once. */
struct layout {
    struct zone_set *zones;
    struct rrset *rrsets;
    size_t rrsets_count;
    uint8_t *octets;
    size_t octets_at;
};

static void *keep_block(struct zone_set *zones, size_t size)
{
    void **blocks = reallocarray(zones->blocks, zones->blocks_count + 1, sizeof *blocks);
    if (blocks == NULL) {
        return NULL;
    }
    zones->blocks = blocks;
    void *block = calloc(1, size > 0 ? size : 1);
    if (block != NULL) {
        blocks[zones->blocks_count++] = block;
    }
    return block;
}

static size_t index_size(size_t entries)
{
    size_t size = 8;
    while (size < 2 * entries + 1) {
        size *= 2;
    }
    return size;
}

static void index_add(uint32_t *index, size_t mask, uint64_t hash, size_t position)
{
    size_t at = hash & mask;
    while (index[at] != 0) {
        at = (at + 1) & mask;
    }
    index[at] = (uint32_t)position + 1;
}

/* --- Zones --- */

/* A delegate's label before the apex. */
static void set_delegate_labels(struct name_labels *labels, const struct name_labels *apex)
{
    const uint8_t label_len = 1 + DELEGATE_ID_TEXT_LEN;
    labels->count = (uint8_t)(apex->count + 1);
    labels->len = (uint8_t)(apex->len + label_len);
    labels->offsets[0] = 0;
    for (unsigned i = 0; i <= apex->count; i++) {
        labels->offsets[i + 1] = (uint8_t)(apex->offsets[i] + label_len);
    }
}

static int make_zones(const struct zone_set_builder *builder, struct zone_set *zones)
{
    size_t index_len = index_size(builder->zones_count);
    zones->zones = keep_block(zones, builder->zones_count * sizeof zones->zones[0]);
    zones->zone_index = keep_block(zones, index_len * sizeof zones->zone_index[0]);
    uint8_t *apexes = keep_block(zones, builder->zones_count * DNS_NAME_MAX);
    if (zones->zones == NULL || zones->zone_index == NULL || apexes == NULL) {
        return TXTD_ENOMEM;
    }
    zones->zone_index_mask = index_len - 1;
    zones->zones_count = builder->zones_count;
    for (size_t i = 0; i < builder->zones_count; i++) {
        const struct pending_zone *pending = &builder->zones[i];
        uint8_t *apex = apexes + i * DNS_NAME_MAX;
        memcpy(apex, pending->apex, pending->labels.len);
        zones->zones[i] = (struct zone){
            .apex = apex,
            .apex_len = pending->labels.len,
            .labels = pending->labels.count,
            .hash = zone_name_hash((struct wire_name){apex, &pending->labels}),
            .options = pending->options,
        };
        set_delegate_labels(&zones->zones[i].delegate_labels, &pending->labels);
        zones->labels_max = zones->labels_max < pending->labels.count ? pending->labels.count : zones->labels_max;
        index_add(zones->zone_index, zones->zone_index_mask, zones->zones[i].hash, i);
    }
    for (size_t i = 0; i < builder->zones_count; i++) {
        const struct pending_zone *pending = &builder->zones[i];
        for (unsigned label = 1; label < pending->labels.count && zones->zones[i].parent == NULL; label++) {
            zones->zones[i].parent =
                zone_set_find_apex(zones, (struct wire_name){pending->apex, &pending->labels}, label);
        }
    }
    return 0;
}

/* --- Names --- */

static int compare_names(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    if (a_len != b_len) {
        return a_len < b_len ? -1 : 1;
    }
    for (size_t i = 0; i < a_len; i++) {
        uint8_t octet_a = name_lower(a[i]);
        uint8_t octet_b = name_lower(b[i]);
        if (octet_a != octet_b) {
            return octet_a < octet_b ? -1 : 1;
        }
    }
    return 0;
}

static int compare_records(const void *left, const void *right)
{
    const struct pending_record *a = left;
    const struct pending_record *b = right;
    if (a->zone != b->zone) {
        return a->zone < b->zone ? -1 : 1;
    }
    int order = compare_names(a->owner, a->labels.len, b->owner, b->labels.len);
    if (order != 0) {
        return order;
    }
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

static bool same_owner(const struct pending_record *a, const struct pending_record *b)
{
    return a->zone == b->zone && compare_names(a->owner, a->labels.len, b->owner, b->labels.len) == 0;
}

static struct zone_node *add_node(struct layout *layout, const struct zone *zone, const uint8_t *name,
                                  const struct name_labels *labels)
{
    struct zone_set *zones = layout->zones;
    struct zone_node *node = &zones->nodes[zones->nodes_count];
    uint8_t *kept = layout->octets + layout->octets_at;
    memcpy(kept, name, labels->len);
    layout->octets_at += labels->len;
    *node = (struct zone_node){
        .name = kept, .name_len = labels->len, .zone = zone, .hash = zone_name_hash((struct wire_name){name, labels})};
    index_add(zones->node_index, zones->node_index_mask, node->hash, zones->nodes_count++);
    return node;
}

/* Adds the names between `name` and its apex that have no records (RFC 4592 section 2.2.2, empty non-terminals). */
static void add_non_terminals(struct layout *layout, const struct zone *zone, const uint8_t *name,
                              const struct name_labels *labels)
{
    for (unsigned skip = 1; skip + zone->labels <= labels->count; skip++) {
        struct name_labels above = {.count = (uint8_t)(labels->count - skip)};
        size_t offset = labels->offsets[skip];
        above.len = (uint8_t)(labels->len - offset);
        for (unsigned i = 0; i <= above.count; i++) {
            above.offsets[i] = (uint8_t)(labels->offsets[i + skip] - offset);
        }
        if (zone_set_find_node(layout->zones, zone, (struct wire_name){name + offset, &above}) == NULL) {
            add_node(layout, zone, name + offset, &above);
        }
    }
}

/* Writes the records first..last-1, all of one owner and type, as one RRset. */
static void add_rrset(struct layout *layout, const struct pending_record *first, size_t count)
{
    struct rrset *rrset = &layout->rrsets[layout->rrsets_count++];
    uint8_t *wire = layout->octets + layout->octets_at;
    struct wire_writer writer = writer_at(wire, SIZE_MAX / 2, 0);
    for (size_t i = 0; i < count; i++) {
        write_u16(&writer, first[i].type);
        write_u16(&writer, DNS_CLASS_IN);
        write_u32(&writer, first[i].ttl_s);
        write_u16(&writer, first[i].rdata_len);
        write_octets(&writer, first[i].rdata, first[i].rdata_len);
    }
    layout->octets_at += writer.at;
    *rrset = (struct rrset){.type = first->type,
                            .records = (uint16_t)count,
                            .ttl_s = first->ttl_s,
                            .len = (uint32_t)writer.at,
                            .wire = wire};
}

static size_t run_of(const struct pending_record *records, size_t count,
                     bool (*same)(const struct pending_record *, const struct pending_record *))
{
    size_t run = 1;
    while (run < count && same(&records[0], &records[run])) {
        run++;
    }
    return run;
}

static bool same_rrset(const struct pending_record *a, const struct pending_record *b)
{
    return a->type == b->type && same_owner(a, b);
}

/* The apex of a served zone is a name of the served zone above it, too: what the parent answers DS from, and what makes
 * the names between them non-terminals. */
static void add_cuts(const struct zone_set_builder *builder, struct layout *layout)
{
    for (size_t i = 0; i < builder->zones_count; i++) {
        const struct pending_zone *cut = &builder->zones[i];
        const struct zone *parent = layout->zones->zones[i].parent;
        if (parent == NULL) {
            continue;
        }
        if (zone_set_find_node(layout->zones, parent, (struct wire_name){cut->apex, &cut->labels}) == NULL) {
            (void)add_node(layout, parent, cut->apex, &cut->labels);
        }
        add_non_terminals(layout, parent, cut->apex, &cut->labels);
    }
}

static void add_names(const struct zone_set_builder *builder, struct layout *layout)
{
    const struct pending_record *records = builder->records;
    for (size_t at = 0; at < builder->records_count;) {
        size_t of_name = run_of(records + at, builder->records_count - at, same_owner);
        const struct zone *zone = &layout->zones->zones[records[at].zone];
        struct zone_node *node = add_node(layout, zone, records[at].owner, &records[at].labels);
        node->rrsets = layout->rrsets + layout->rrsets_count;
        for (size_t end = at + of_name; at < end;) {
            size_t of_type = run_of(records + at, end - at, same_rrset);
            add_rrset(layout, records + at, of_type);
            node->rrsets_count++;
            at += of_type;
        }
    }
    for (size_t i = 0; i < builder->records_count; i++) {
        add_non_terminals(layout, &layout->zones->zones[records[i].zone], records[i].owner, &records[i].labels);
    }
    add_cuts(builder, layout);
}

static int make_names(const struct zone_set_builder *builder, struct zone_set *zones)
{
    size_t nodes_room = 0;
    size_t octets = 0;
    for (size_t i = 0; i < builder->zones_count; i++) {
        nodes_room += builder->zones[i].labels.count;
        octets += (size_t)builder->zones[i].labels.count * builder->zones[i].labels.len;
    }
    for (size_t i = 0; i < builder->records_count; i++) {
        const struct pending_record *record = &builder->records[i];
        size_t names = (size_t)(record->labels.count - builder->zones[record->zone].labels.count) + 1;
        nodes_room += names;
        octets += names * record->labels.len + record->rdata_len + 10;
    }
    size_t index_len = index_size(nodes_room);
    struct layout layout = {.zones = zones};
    zones->nodes = keep_block(zones, nodes_room * sizeof zones->nodes[0]);
    zones->node_index = keep_block(zones, index_len * sizeof zones->node_index[0]);
    layout.rrsets = keep_block(zones, builder->records_count * sizeof layout.rrsets[0]);
    layout.octets = keep_block(zones, octets);
    if (zones->nodes == NULL || zones->node_index == NULL || layout.rrsets == NULL || layout.octets == NULL ||
        nodes_room >= UINT32_MAX) {
        return TXTD_ENOMEM;
    }
    zones->node_index_mask = index_len - 1;
    add_names(builder, &layout);
    return 0;
}

/* --- What every zone must have --- */

/* The apex as a record's owner behind a qname in a delegate's form: a pointer to where the qname's first label ends (RFC 1035
 * section 4.1.4), but that the root is shorter as it is. Returns its octets. */
static size_t delegate_apex_owner(const struct zone *zone, uint8_t owner[2])
{
    if (zone->apex_len == 1) {
        owner[0] = 0;
        return 1;
    }
    octets_set_u16(owner, 0xc000u | (DNS_QNAME_OFFSET + 1 + DELEGATE_ID_TEXT_LEN));
    return 2;
}

static int finish_zone(struct zone_set *zones, struct zone *zone, const struct pending_zone *pending,
                       struct error_detail *detail)
{
    zone->apex_node = zone_set_find_node(zones, zone, (struct wire_name){zone->apex, &pending->labels});
    zone->soa = zone->apex_node == NULL ? NULL : zone_node_rrset(zone->apex_node, DNS_TYPE_SOA);
    if (zone->soa == NULL) {
        return error_describe(detail, TXTD_EINVAL, "the zone has no SOA record");
    }
    if (zone_node_rrset(zone->apex_node, DNS_TYPE_NS) == NULL) {
        return error_describe(detail, TXTD_EINVAL, "the zone has no NS record at its apex");
    }
    if (zone->soa->len < 10 + 2 + 20) {
        return error_describe(detail, TXTD_EINVAL, "the SOA record is malformed");
    }
    uint8_t owner[2];
    size_t owner_len = delegate_apex_owner(zone, owner);
    uint8_t *wire = keep_block(zones, owner_len + zone->soa->len);
    if (wire == NULL) {
        return TXTD_ENOMEM;
    }
    zone->delegate_negative = wire;
    zone->delegate_negative_len = (uint16_t)(owner_len + zone->soa->len);
    memcpy(wire, owner, owner_len);
    wire += owner_len;
    /* RFC 2308 section 3: in a negative answer the SOA's TTL is the minimum of its own and the MINIMUM field, its last four
     * octets. */
    struct wire_reader minimum = reader_at(zone->soa->wire, zone->soa->len, zone->soa->len - 4);
    uint32_t minimum_s = read_u32(&minimum);
    zone->negative_soa = *zone->soa;
    zone->negative_soa.ttl_s = minimum_s < zone->soa->ttl_s ? minimum_s : zone->soa->ttl_s;
    memcpy(wire, zone->soa->wire, zone->soa->len);
    struct wire_writer ttl = writer_at(wire, zone->soa->len, 4);
    write_u32(&ttl, zone->negative_soa.ttl_s);
    zone->negative_soa.wire = wire;
    return 0;
}

int zone_set_builder_finish(struct zone_set_builder *builder, struct zone_set **zones, struct error_detail *detail)
{
    struct zone_set *made = calloc(1, sizeof *made);
    int rc = made == NULL ? TXTD_ENOMEM : 0;
    if (rc == 0) {
        if (builder->records_count > 0) {
            qsort(builder->records, builder->records_count, sizeof builder->records[0], compare_records);
        }
        rc = make_zones(builder, made);
    }
    if (rc == 0) {
        rc = make_names(builder, made);
    }
    for (size_t i = 0; rc == 0 && i < made->zones_count; i++) {
        rc = finish_zone(made, &made->zones[i], &builder->zones[i], detail);
    }
    zone_set_builder_free(builder);
    if (rc != 0) {
        zone_set_free(made);
        return rc;
    }
    *zones = made;
    return 0;
}
