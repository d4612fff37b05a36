#include "dataplane/dns/answer.h"

#include "dataplane/zone/zone_lookup.h"

#define POINTER_TO_QNAME (0xc000 | DNS_QNAME_OFFSET)
#define RECORD_FIXED_LEN 10 /* type, class, TTL and RDLENGTH, RFC 1035 section 4.1.3 */

static size_t opt_len(const struct answer_edns *edns)
{
    if (!edns->present) {
        return 0;
    }
    return DNS_OPT_LEN + (edns->cookie_len > 0 ? 4u + edns->cookie_len : 0) +
           (edns->nsid != NULL ? 4 + edns->nsid_len : 0) + (edns->keepalive_100ms > 0 ? 6 : 0) +
           (edns->extended_error >= 0 ? 6 : 0);
}

void answer_begin(struct answer *answer, uint8_t *wire, size_t limit, const struct query *query)
{
    answer->opt_len = (uint16_t)opt_len(&answer->edns);
    answer->writer = writer_at(wire, limit - answer->opt_len, query->question_end);
    answer->query = query;
    answer->counts[SECTION_ANSWER] = answer->counts[SECTION_AUTHORITY] = answer->counts[SECTION_ADDITIONAL] = 0;
    answer->rcode = DNS_RCODE_NOERROR;
    answer->authoritative = false;
    answer->truncated = false;
}

/* How the owner is written: a pointer into the question when it ends the qname (RFC 1035 section 4.1.4). */
struct owner_form {
    const uint8_t *octets;
    size_t len;
    uint8_t pointer[2];
};

static void owner_decide(struct owner_form *form, const struct answer *answer, const uint8_t *owner, size_t owner_len)
{
    form->octets = owner;
    form->len = owner_len;
    const struct name_labels *labels = answer->query->labels;
    if (owner_len <= sizeof form->pointer || owner_len > labels->len) {
        return;
    }
    size_t offset = (size_t)labels->len - owner_len; /* where the owner begins if it ends the qname */
    for (unsigned i = 0; i < labels->count && labels->offsets[i] <= offset; i++) {
        if (labels->offsets[i] == offset &&
            name_equal(answer->writer.data + DNS_QNAME_OFFSET + offset, owner, owner_len)) {
            uint16_t pointer = (uint16_t)(POINTER_TO_QNAME + offset);
            form->pointer[0] = (uint8_t)(pointer >> 8);
            form->pointer[1] = (uint8_t)pointer;
            form->octets = form->pointer;
            form->len = sizeof form->pointer;
        }
    }
}

static void append_records(struct wire_writer *writer, const struct owner_form *owner, const uint8_t *wire, size_t len)
{
    struct wire_reader reader = reader_at(wire, len, 0);
    while (reader_left(&reader) > 0) {
        const uint8_t *fixed = reader_take(&reader, RECORD_FIXED_LEN);
        size_t rdata_len = fixed == NULL ? 0 : octets_u16(fixed + 8);
        if (reader_take(&reader, rdata_len) == NULL) {
            writer->failed = true; /* not a whole record: cannot be, and must not be sent */
            return;
        }
        write_octets(writer, owner->octets, owner->len);
        write_octets(writer, fixed, RECORD_FIXED_LEN + rdata_len);
    }
}

bool answer_append_rrset(struct answer *answer, enum answer_section section, const uint8_t *owner, size_t owner_len,
                         const struct rrset *rrset)
{
    struct owner_form form;
    owner_decide(&form, answer, owner, owner_len);
    struct wire_writer saved = answer->writer;
    unsigned records = rrset->records;
    append_records(&answer->writer, &form, rrset->wire, rrset->len);
    if (answer->edns.do_bit && rrset->rrsig_records > 0) {
        append_records(&answer->writer, &form, rrset->wire + rrset->len, rrset->rrsig_len);
        records += rrset->rrsig_records;
    }
    if (!writer_ok(&answer->writer)) {
        answer->writer = saved;
        return false;
    }
    answer->counts[section] = (uint16_t)(answer->counts[section] + records);
    return true;
}

void answer_truncate(struct answer *answer)
{
    answer->writer.at = answer->query->question_end;
    answer->writer.failed = false;
    answer->counts[SECTION_ANSWER] = answer->counts[SECTION_AUTHORITY] = answer->counts[SECTION_ADDITIONAL] = 0;
    answer->truncated = true;
}

static void append_option(struct wire_writer *writer, uint16_t code, const void *data, size_t len)
{
    write_u16(writer, code);
    write_u16(writer, (uint16_t)len);
    write_octets(writer, data, len);
}

static void append_number_option(struct wire_writer *writer, uint16_t code, uint16_t number)
{
    write_u16(writer, code);
    write_u16(writer, sizeof number);
    write_u16(writer, number);
}

/* RFC 6891 section 6.1.2. The room for it was held back, so it always fits. */
static void append_opt(struct answer *answer)
{
    struct wire_writer *writer = &answer->writer;
    const struct answer_edns *edns = &answer->edns;
    writer->capacity += answer->opt_len;
    uint8_t *record = writer_take(writer, DNS_OPT_LEN);
    if (record == NULL) {
        return;
    }
    record[0] = 0; /* the root */
    octets_set_u16(record + 1, DNS_TYPE_OPT);
    octets_set_u16(record + 3, DNS_UDP_PAYLOAD_MAX);
    record[5] = (uint8_t)(answer->rcode >> 4);
    record[6] = 0; /* version */
    octets_set_u16(record + 7, edns->do_bit ? DNS_EDNS_DO : 0);
    octets_set_u16(record + 9, answer->opt_len - DNS_OPT_LEN);
    if (edns->cookie_len > 0) {
        append_option(writer, DNS_OPTION_COOKIE, edns->cookie, edns->cookie_len);
    }
    if (edns->nsid != NULL) {
        append_option(writer, DNS_OPTION_NSID, edns->nsid, edns->nsid_len);
    }
    if (edns->keepalive_100ms > 0) {
        append_number_option(writer, DNS_OPTION_TCP_KEEPALIVE, edns->keepalive_100ms);
    }
    if (edns->extended_error >= 0) {
        append_number_option(writer, DNS_OPTION_EDE, (uint16_t)edns->extended_error);
    }
}

size_t answer_finish(struct answer *answer)
{
    if (answer->edns.present) {
        append_opt(answer);
    }
    struct wire_writer writer = writer_at(answer->writer.data, DNS_HEADER_LEN, 0);
    uint8_t *header = writer_take(&writer, DNS_HEADER_LEN);
    /* ID stays; opcode and RD are echoed, RA, Z, AD and CD are 0 (RFC 4035 section 3.1.6 and 3.2.3). */
    header[2] = (uint8_t)(DNS_FLAG_QR | (header[2] & (DNS_OPCODE_MASK | DNS_FLAG_RD)) |
                          (answer->authoritative ? DNS_FLAG_AA : 0) | (answer->truncated ? DNS_FLAG_TC : 0));
    header[3] = (uint8_t)(answer->rcode & 0x0f);
    octets_set_u16(header + 4, answer->query->question_end > DNS_HEADER_LEN);
    octets_set_u16(header + 6, answer->counts[SECTION_ANSWER]);
    octets_set_u16(header + 8, answer->counts[SECTION_AUTHORITY]);
    octets_set_u16(header + 10, answer->counts[SECTION_ADDITIONAL] + (unsigned)answer->edns.present);
    return answer->writer.at;
}
