#include "dataplane/dns/answer.h"

#include "dataplane/zone/zone_lookup.h"

#define POINTER_TO_QNAME (0xc000 | DNS_QNAME_OFFSET)

static size_t opt_len(const struct answer_edns *edns)
{
    if (!edns->present) {
        return 0;
    }
    return DNS_OPT_LEN + (edns->cookie_len > 0 ? 4u + edns->cookie_len : 0) +
           (edns->nsid != NULL ? 4 + edns->nsid_len : 0) + (edns->keepalive_100ms > 0 ? 6 : 0) +
           (edns->extended_error >= 0 ? 6 : 0);
}

void answer_begin(struct answer *answer, uint8_t *wire, size_t limit, const struct query *query,
                  const struct answer_edns *edns)
{
    answer->edns = *edns;
    answer->writer = writer_at(wire, limit - opt_len(edns), query->question_end);
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

static void owner_write(struct wire_writer *writer, const struct owner_form *owner)
{
    write_octets(writer, owner->octets, owner->len);
}

static void owner_decide(struct owner_form *form, const struct answer *answer, const uint8_t *owner, size_t owner_len)
{
    form->octets = owner;
    form->len = owner_len;
    const struct name_labels *labels = &answer->query->labels;
    const uint8_t *qname = answer->writer.data + DNS_QNAME_OFFSET;
    for (unsigned i = 0; owner_len > 2 && i < labels->count; i++) {
        size_t offset = labels->offsets[i];
        if (labels->len - offset == owner_len && name_equal(qname + offset, owner, owner_len)) {
            uint16_t pointer = (uint16_t)(POINTER_TO_QNAME + offset);
            form->pointer[0] = (uint8_t)(pointer >> 8);
            form->pointer[1] = (uint8_t)pointer;
            form->octets = form->pointer;
            form->len = sizeof form->pointer;
            return;
        }
    }
}

static void append_records(struct wire_writer *writer, const struct owner_form *owner, const uint8_t *wire, size_t len)
{
    struct wire_reader reader = reader_at(wire, len, 0);
    while (reader_left(&reader) > 0) {
        struct wire_reader rdata_len = reader_at(wire, len, reader.at + 8);
        size_t record_len = 10u + read_u16(&rdata_len);
        owner_write(writer, owner);
        write_octets(writer, wire + reader.at, record_len);
        (void)reader_take(&reader, record_len);
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

bool answer_append_ready(struct answer *answer, const uint8_t *records_wire, size_t len, unsigned records)
{
    struct wire_writer *writer = &answer->writer;
    if (writer->capacity - writer->at < len) {
        return false;
    }
    memcpy(writer->data + writer->at, records_wire, len);
    writer->at += len;
    answer->counts[SECTION_ANSWER] = (uint16_t)(answer->counts[SECTION_ANSWER] + records);
    return true;
}

void answer_truncate(struct answer *answer)
{
    answer->writer.at = answer->query->question_end;
    answer->writer.failed = false;
    answer->counts[SECTION_ANSWER] = answer->counts[SECTION_AUTHORITY] = answer->counts[SECTION_ADDITIONAL] = 0;
    answer->truncated = true;
}

/* RFC 6891 section 6.1.2. The room for it was held back, so it always fits. */
static void append_opt(struct wire_writer *writer, const struct answer *answer)
{
    const struct answer_edns *edns = &answer->edns;
    size_t options = opt_len(edns) - DNS_OPT_LEN;
    write_u8(writer, 0);
    write_u16(writer, DNS_TYPE_OPT);
    write_u16(writer, DNS_UDP_PAYLOAD_MAX);
    write_u8(writer, (uint8_t)(answer->rcode >> 4));
    write_u8(writer, 0); /* version */
    write_u16(writer, edns->do_bit ? DNS_EDNS_DO : 0);
    write_u16(writer, (uint16_t)options);
    if (edns->cookie_len > 0) {
        write_u16(writer, DNS_OPTION_COOKIE);
        write_u16(writer, edns->cookie_len);
        write_octets(writer, edns->cookie, edns->cookie_len);
    }
    if (edns->nsid != NULL) {
        write_u16(writer, DNS_OPTION_NSID);
        write_u16(writer, (uint16_t)edns->nsid_len);
        write_octets(writer, edns->nsid, edns->nsid_len);
    }
    if (edns->keepalive_100ms > 0) {
        write_u16(writer, DNS_OPTION_TCP_KEEPALIVE);
        write_u16(writer, 2);
        write_u16(writer, edns->keepalive_100ms);
    }
    if (edns->extended_error >= 0) {
        write_u16(writer, DNS_OPTION_EDE);
        write_u16(writer, 2);
        write_u16(writer, (uint16_t)edns->extended_error);
    }
}

size_t answer_finish(struct answer *answer)
{
    struct wire_writer *writer = &answer->writer;
    if (answer->edns.present) {
        writer->capacity += opt_len(&answer->edns);
        append_opt(writer, answer);
    }
    uint8_t *wire = writer->data;
    /* ID stays; opcode and RD are echoed, RA, Z, AD and CD are 0 (RFC 4035 section 3.1.6 and 3.2.3). */
    wire[2] = (uint8_t)(DNS_FLAG_QR | (wire[2] & (DNS_OPCODE_MASK | DNS_FLAG_RD)) |
                        (answer->authoritative ? DNS_FLAG_AA : 0) | (answer->truncated ? DNS_FLAG_TC : 0));
    wire[3] = (uint8_t)(answer->rcode & 0x0f);
    struct wire_writer header = writer_at(wire, DNS_HEADER_LEN, 4);
    write_u16(&header, answer->query->question_end > DNS_HEADER_LEN);
    write_u16(&header, answer->counts[SECTION_ANSWER]);
    write_u16(&header, answer->counts[SECTION_AUTHORITY]);
    write_u16(&header, (uint16_t)(answer->counts[SECTION_ADDITIONAL] + answer->edns.present));
    return writer->at;
}
