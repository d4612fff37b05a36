#include "dataplane/respond_name.h"

#include "dataplane/respond_question.h"
#include "dataplane/zone/delegate_entry.h"

#define CNAME_LINKS_MAX  8
#define RECORD_FIXED_LEN 10 /* type, class, TTL, RDLENGTH */
#define READY_OWNER_LEN  2  /* the pointer that delegate_entry's records begin with */

/* --- The records that delegates have by their zone's options, with a TTL of 300 s --- */

/* CAA 0 issue ";" (RFC 8659 section 4.2): nobody may issue for the delegate's own name. */
static const uint8_t caa_wire[] = {1, 1, 0, 1, 0, 0, 1, 0x2c, 0, 8, 0, 5, 'i', 's', 's', 'u', 'e', ';'};
/* MX 0 . (RFC 7505): no mail here. */
static const uint8_t null_mx_wire[] = {0, 15, 0, 1, 0, 0, 1, 0x2c, 0, 3, 0, 0, 0};
/* TXT at _dmarc below the delegate (RFC 7489 section 6.3). SPF has no place: its TXT would stand beside the values. */
static const uint8_t dmarc_wire[] = {0,   16,  0,   1,   0,   0,   1,   0x2c, 0,   19,  18,  'v', '=', 'D', 'M',
                                     'A', 'R', 'C', '1', ';', ' ', 'p', '=',  'r', 'e', 'j', 'e', 'c', 't'};
static const uint8_t dmarc_label[] = {6, '_', 'd', 'm', 'a', 'r', 'c'};

static struct rrset fixed_rrset(uint16_t type, const uint8_t *wire, size_t len)
{
    return (struct rrset){.type = type, .records = 1, .ttl_s = 300, .len = (uint32_t)len, .wire = wire};
}

/* --- Negative answers, RFC 2308 section 2 --- */

static enum name_outcome append_negative(struct answer *answer, const struct zone *zone, enum name_outcome outcome)
{
    if (!answer_append_rrset(answer, SECTION_AUTHORITY, zone->apex, zone->apex_len, &zone->negative_soa)) {
        answer_truncate(answer);
        return NAME_TRUNCATED;
    }
    return outcome;
}

/* The same for a qname in a delegate's form, directly below the apex. */
static enum name_outcome append_negative_ready(struct answer *answer, const struct zone *zone,
                                               enum name_outcome outcome)
{
    if (answer->edns.do_bit && zone->negative_soa.rrsig_records > 0) {
        return append_negative(answer, zone, outcome);
    }
    if (!answer_append_ready(answer, SECTION_AUTHORITY, zone->delegate_negative, zone->delegate_negative_len, 1)) {
        answer_truncate(answer);
        return NAME_TRUNCATED;
    }
    return outcome;
}

static enum name_outcome answer_nxdomain(struct answer *answer, const struct zone *zone)
{
    answer->rcode = DNS_RCODE_NXDOMAIN;
    return append_negative(answer, zone, NAME_NXDOMAIN);
}

enum name_outcome name_answer_no_delegate(struct answer *answer, const struct zone *zone)
{
    answer->authoritative = true;
    answer->rcode = DNS_RCODE_NXDOMAIN;
    return append_negative_ready(answer, zone, NAME_NXDOMAIN);
}

static enum name_outcome answer_nodata(struct answer *answer, const struct zone *zone)
{
    return append_negative(answer, zone, NAME_NODATA);
}

/* --- Delegates --- */

/* The values of a delegate that is not at the qname: their ready-made owner does not fit. */
static bool append_values_at(struct answer *answer, struct wire_name owner, const struct delegate_entry *entry,
                             struct delegate_served served)
{
    uint8_t wire[DELEGATE_ENTRY_LEN_MAX];
    struct wire_writer writer = writer_at(wire, sizeof wire, 0);
    struct wire_reader reader = reader_at(entry->rrset, served.len, 0);
    while (reader_left(&reader) > 0) {
        struct wire_reader rdata_len = reader_at(entry->rrset, served.len, reader.at + READY_OWNER_LEN + 8);
        size_t len = RECORD_FIXED_LEN + (size_t)read_u16(&rdata_len);
        (void)reader_take(&reader, READY_OWNER_LEN);
        const uint8_t *record = reader_take(&reader, len);
        if (record == NULL) {
            return false;
        }
        write_octets(&writer, record, len);
    }
    struct rrset rrset = {.type = DNS_TYPE_TXT, .records = served.count, .len = (uint32_t)writer.at, .wire = wire};
    return writer_ok(&writer) && answer_append_rrset(answer, SECTION_ANSWER, owner.octets, owner.labels->len, &rrset);
}

static enum name_outcome positive(struct answer *answer, bool fits, enum name_outcome outcome)
{
    if (!fits) {
        answer_truncate(answer);
        return NAME_TRUNCATED;
    }
    return outcome;
}

/* The values of the delegate that is the qname: as they are in the table. */
static enum name_outcome answer_values(struct answer *answer, const struct delegate_entry *entry,
                                       struct delegate_served served)
{
    bool fits = answer_append_ready(answer, SECTION_ANSWER, entry->rrset, served.len, served.count);
    return positive(answer, fits, NAME_POSITIVE_DELEGATE);
}

static enum name_outcome answer_fixed(struct answer *answer, const uint8_t *owner, size_t owner_len, struct rrset rrset)
{
    bool fits = answer_append_rrset(answer, SECTION_ANSWER, owner, owner_len, &rrset);
    return positive(answer, fits, NAME_POSITIVE_STATIC);
}

/* What a delegate has of the type asked for. `owner` is absent (octets NULL) when the delegate is the qname. */
static enum name_outcome answer_delegate_type(struct answer *answer, const struct name_context *context,
                                              const struct zone *zone, const struct delegate_entry *entry,
                                              struct wire_name owner)
{
    uint16_t qtype = answer->query->qtype;
    const uint8_t *name = owner.octets != NULL ? owner.octets : answer->writer.data + DNS_QNAME_OFFSET;
    size_t name_len = owner.octets != NULL ? owner.labels->len : answer->query->labels->len;
    bool any = qtype == DNS_TYPE_ANY; /* one RRset of those there are, RFC 8482 section 4.1 */
    const struct delegate_served served = delegate_entry_served(entry, context->wall_s);
    if ((qtype == DNS_TYPE_TXT || any) && served.count > 0) {
        return owner.octets == NULL
                   ? answer_values(answer, entry, served)
                   : positive(answer, append_values_at(answer, owner, entry, served), NAME_POSITIVE_DELEGATE);
    }
    if ((qtype == DNS_TYPE_CAA || any) && zone->options.delegate_caa) {
        return answer_fixed(answer, name, name_len, fixed_rrset(DNS_TYPE_CAA, caa_wire, sizeof caa_wire));
    }
    if ((qtype == DNS_TYPE_MX || any) && zone->options.delegate_mail_hardening) {
        return answer_fixed(answer, name, name_len, fixed_rrset(DNS_TYPE_MX, null_mx_wire, sizeof null_mx_wire));
    }
    return owner.octets != NULL ? answer_nodata(answer, zone) : append_negative_ready(answer, zone, NAME_NODATA);
}

enum name_outcome name_answer_delegate(struct answer *answer, const struct name_context *context,
                                       const struct zone *zone, const struct delegate_entry *entry)
{
    answer->authoritative = true;
    const struct delegate_served served = delegate_entry_served(entry, context->wall_s);
    if (answer->query->qtype == DNS_TYPE_TXT && served.count > 0) {
        return answer_values(answer, entry, served);
    }
    return answer_delegate_type(answer, context, zone, entry, (struct wire_name){NULL, NULL});
}

/* --- Names that are no static name --- */

/* The name without its first label. `above` must hold the labels. */
static struct wire_name parent_name(struct wire_name name, struct name_labels *above)
{
    uint8_t offset = name.labels->offsets[1];
    above->count = (uint8_t)(name.labels->count - 1);
    above->len = (uint8_t)(name.labels->len - offset);
    for (unsigned i = 0; i <= above->count; i++) {
        above->offsets[i] = (uint8_t)(name.labels->offsets[i + 1] - offset);
    }
    return (struct wire_name){name.octets + offset, above};
}

static const struct delegate_entry *find_delegate(const struct name_context *context, const struct zone *zone,
                                                  struct wire_name name)
{
    struct delegate_id id;
    if (name.labels->count != zone->labels + 1u || question_delegate_form(context->zones, name, &id) != zone) {
        return NULL;
    }
    return delegate_table_find(context->table, zone->options.number, &id);
}

/* `_dmarc` below a delegate, where the zone says so. */
static bool is_delegates_dmarc(const struct name_context *context, const struct zone *zone, struct wire_name name)
{
    if (!zone->options.delegate_mail_hardening || name.labels->count != zone->labels + 2u ||
        name.octets[0] != dmarc_label[0] || !name_equal(name.octets, dmarc_label, sizeof dmarc_label)) {
        return false;
    }
    struct name_labels above;
    return find_delegate(context, zone, parent_name(name, &above)) != NULL;
}

static enum name_outcome answer_no_node(struct answer *answer, const struct name_context *context,
                                        const struct zone *zone, struct wire_name name, bool is_qname)
{
    const struct delegate_entry *entry = find_delegate(context, zone, name);
    if (entry != NULL) {
        return answer_delegate_type(answer, context, zone, entry, is_qname ? (struct wire_name){NULL, NULL} : name);
    }
    if (is_delegates_dmarc(context, zone, name)) {
        uint16_t qtype = answer->query->qtype;
        return qtype == DNS_TYPE_TXT || qtype == DNS_TYPE_ANY
                   ? answer_fixed(answer, name.octets, name.labels->len,
                                  fixed_rrset(DNS_TYPE_TXT, dmarc_wire, sizeof dmarc_wire))
                   : answer_nodata(answer, zone);
    }
    return answer_nxdomain(answer, zone);
}

/* --- Static names --- */

/* The addresses of a name of ours, in additional; what does not fit is left out (RFC 2181 section 9). */
static void append_addresses(struct answer *answer, const struct name_context *context, const uint8_t *target,
                             size_t target_len)
{
    struct name_labels labels;
    struct wire_reader reader = reader_at(target, target_len, 0);
    if (!name_read(&reader, &labels)) {
        return;
    }
    struct wire_name name = {target, &labels};
    const struct zone *zone = zone_set_find_zone(context->zones, name);
    const struct zone_node *node = zone == NULL ? NULL : zone_set_find_node(context->zones, zone, name);
    if (node == NULL) {
        return;
    }
    static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    for (unsigned i = 0; i < 2; i++) {
        const struct rrset *rrset = zone_node_rrset(node, types[i]);
        if (rrset != NULL) {
            (void)answer_append_rrset(answer, SECTION_ADDITIONAL, node->name, node->name_len, rrset);
        }
    }
}

static void append_glue(struct answer *answer, const struct name_context *context, const struct rrset *ns)
{
    struct wire_reader reader = reader_at(ns->wire, ns->len, 0);
    while (reader_left(&reader) > 0) {
        (void)reader_take(&reader, RECORD_FIXED_LEN - 2);
        uint16_t rdata_len = read_u16(&reader);
        const uint8_t *target = reader_take(&reader, rdata_len);
        if (target == NULL) {
            return;
        }
        append_addresses(answer, context, target, rdata_len);
    }
}

/* The RRset to answer with: of the type asked for, any one for ANY (RFC 8482 section 4.1), or the CNAME. */
static const struct rrset *choose_rrset(const struct zone_node *node, uint16_t qtype)
{
    if (node->rrsets_count == 0) {
        return NULL;
    }
    if (qtype == DNS_TYPE_ANY) {
        return &node->rrsets[0];
    }
    const struct rrset *rrset = zone_node_rrset(node, qtype);
    return rrset != NULL ? rrset : zone_node_rrset(node, DNS_TYPE_CNAME);
}

/* The name a CNAME points to. */
static struct wire_name cname_target(const struct rrset *cname, struct name_labels *labels)
{
    struct wire_reader reader = reader_at(cname->wire + RECORD_FIXED_LEN, cname->len - RECORD_FIXED_LEN, 0);
    if (!name_read(&reader, labels)) {
        return (struct wire_name){NULL, NULL};
    }
    return (struct wire_name){cname->wire + RECORD_FIXED_LEN, labels};
}

/* Answers with what one static name has. *next is set when a CNAME is to be followed. */
static enum name_outcome answer_node(struct answer *answer, const struct name_context *context,
                                     const struct zone_node *node, struct name_labels *labels, struct wire_name *next)
{
    uint16_t qtype = answer->query->qtype;
    const struct rrset *rrset = choose_rrset(node, qtype);
    if (rrset == NULL) {
        return answer_nodata(answer, node->zone);
    }
    if (!answer_append_rrset(answer, SECTION_ANSWER, node->name, node->name_len, rrset)) {
        answer_truncate(answer);
        return NAME_TRUNCATED;
    }
    if (rrset->type == DNS_TYPE_CNAME && qtype != DNS_TYPE_CNAME && qtype != DNS_TYPE_ANY) {
        *next = cname_target(rrset, labels);
    } else if (rrset->type == DNS_TYPE_NS) {
        append_glue(answer, context, rrset);
    }
    return NAME_POSITIVE_STATIC;
}

/* Whether the chain has come to this node before: a loop, whose records must not stand in the answer twice
 * (RFC 2181 section 5). */
static bool chain_has(const struct zone_node *const chain[], unsigned len, const struct zone_node *node)
{
    for (unsigned i = 0; i < len; i++) {
        if (chain[i] == node) {
            return true;
        }
    }
    return false;
}

enum name_outcome name_answer(struct answer *answer, const struct name_context *context, const struct zone *zone)
{
    struct wire_name name = {answer->writer.data + DNS_QNAME_OFFSET, answer->query->labels};
    struct name_labels labels[2]; /* of the target before and the one after; the two change places */
    const struct zone_node *chain[CNAME_LINKS_MAX + 1];
    enum name_outcome outcome = NAME_POSITIVE_STATIC;
    answer->authoritative = true;
    /* DS at the apex belongs to the parent, RFC 4035 section 3.1.4.1. */
    if (answer->query->qtype == DNS_TYPE_DS && zone->parent != NULL && name.labels->len == zone->apex_len) {
        zone = zone->parent;
    }
    for (unsigned link = 0; link <= CNAME_LINKS_MAX && zone != NULL; link++) {
        const struct zone_node *node = zone_set_find_node(context->zones, zone, name);
        if (node == NULL) {
            return answer_no_node(answer, context, zone, name, link == 0);
        }
        if (chain_has(chain, link, node)) {
            return outcome;
        }
        chain[link] = node;
        struct wire_name next = {NULL, NULL};
        outcome = answer_node(answer, context, node, &labels[link % 2], &next);
        if (next.octets == NULL) {
            return outcome;
        }
        name = next; /* the RCODE will be that of the last name, RFC 6604 section 3 */
        zone = zone_set_find_zone(context->zones, name);
    }
    return outcome; /* the chain leads out of our zones, or is too long */
}
