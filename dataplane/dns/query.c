#include "dataplane/dns/query.h"

#define RECORD_FIXED_LEN 10 /* type, class, TTL and RDLENGTH, RFC 1035 section 4.1.3 */

/* What the records behind the question turned out to be. */
struct additional {
    bool malformed_opt;
    bool signed_by_key; /* TSIG or SIG(0) */
};

static bool read_cookie(struct wire_reader *option, uint16_t len, struct query_edns *edns)
{
    /* RFC 7873 section 5.2.2: 8, or 16 to 40 octets. */
    if (len != 8 && (len < 16 || len > sizeof edns->cookie)) {
        return false;
    }
    const uint8_t *cookie = reader_take(option, len);
    if (edns->cookie_len == 0) { /* the first of several counts */
        memcpy(edns->cookie, cookie, len);
        edns->cookie_len = (uint8_t)len;
    }
    return true;
}

/* RFC 6891 section 6.1.2. Unknown options are passed over. */
static bool read_options(struct wire_reader *rdata, struct query_edns *edns)
{
    while (reader_left(rdata) > 0) {
        const uint8_t *head = reader_take(rdata, 4);
        if (head == NULL) {
            return false;
        }
        uint16_t code = octets_u16(head);
        uint16_t len = octets_u16(head + 2);
        if (reader_left(rdata) < len) {
            return false;
        }
        switch (code) {
        case DNS_OPTION_COOKIE:
            if (!read_cookie(rdata, len, edns)) {
                return false;
            }
            continue;
        case DNS_OPTION_NSID: edns->wants_nsid = true; break;
        case DNS_OPTION_TCP_KEEPALIVE: edns->wants_keepalive = true; break;
        default: break;
        }
        (void)reader_take(rdata, len);
    }
    return true;
}

/* `fixed` is RECORD_FIXED_LEN octets. */
static void read_opt_fixed(const uint8_t *fixed, struct query_edns *edns)
{
    edns->payload_max = octets_u16(fixed + 2);
    edns->version = fixed[5];
    edns->do_bit = (octets_u16(fixed + 6) & DNS_EDNS_DO) != 0;
}

static bool read_opt(const uint8_t *fixed, struct wire_reader options, struct query_edns *edns)
{
    read_opt_fixed(fixed, edns);
    bool well_formed = read_options(&options, edns);
    edns->present = true; /* also with bad options: its fixed part was there, so the answer carries one */
    return well_formed;
}

/* One record of the additional section. Returns false when the message is malformed. */
static bool read_additional(struct wire_reader *reader, struct query *query, struct additional *found)
{
    size_t owner = reader->at;
    if (!name_skip(reader)) {
        return false;
    }
    bool at_root = reader->at - owner == 1;
    const uint8_t *fixed = reader_take(reader, RECORD_FIXED_LEN);
    if (fixed == NULL) {
        return false;
    }
    uint16_t type = octets_u16(fixed);
    uint16_t rdata_len = octets_u16(fixed + 8);
    const uint8_t *rdata = reader_take(reader, rdata_len);
    if (rdata == NULL) {
        return false;
    }
    if (type == DNS_TYPE_OPT) {
        /* RFC 6891 section 6.1.1: one, at the root */
        if (!at_root || query->edns.present) {
            found->malformed_opt = true;
        } else {
            found->malformed_opt |= !read_opt(fixed, reader_at(rdata, rdata_len, 0), &query->edns);
        }
    } else if (type == DNS_TYPE_TSIG || (type == DNS_TYPE_SIG && rdata_len >= 2 && octets_u16(rdata) == 0)) {
        found->signed_by_key = true; /* SIG(0): a SIG that covers type 0, RFC 2931 section 3 */
    }
    return true;
}

static bool skip_questions(struct wire_reader *reader, unsigned count)
{
    for (; count > 0; count--) {
        if (!name_skip(reader) || reader_take(reader, 4) == NULL) {
            return false;
        }
    }
    return true;
}

static bool skip_record(struct wire_reader *reader)
{
    if (!name_skip(reader)) {
        return false;
    }
    const uint8_t *fixed = reader_take(reader, RECORD_FIXED_LEN);
    return fixed != NULL && reader_take(reader, octets_u16(fixed + 8)) != NULL;
}

/* Walks the records behind the question, to find the OPT even when the message is refused. False when they run out. */
static bool read_sections(struct wire_reader *reader, unsigned records, unsigned additionals, struct query *query,
                          struct additional *found)
{
    for (; records > 0; records--) {
        if (!skip_record(reader)) {
            return false;
        }
    }
    for (; additionals > 0; additionals--) {
        if (!read_additional(reader, query, found)) {
            return false;
        }
    }
    return true;
}

static bool read_question(struct wire_reader *reader, struct query *query)
{
    const uint8_t *fixed = name_read(reader, &query->read) ? reader_take(reader, 4) : NULL;
    if (fixed == NULL) {
        return false;
    }
    query->qtype = octets_u16(fixed);
    query->qclass = octets_u16(fixed + 2);
    query->question_end = (uint16_t)reader->at;
    return true;
}

static enum query_form form_of(const struct query *query, unsigned questions, bool whole,
                               const struct additional *found)
{
    if (!whole || found->malformed_opt) {
        return QUERY_FORMERR;
    }
    if (query->edns.present && query->edns.version > 0) {
        return QUERY_BADVERS;
    }
    if (questions == 0) {
        return query->edns.cookie_len > 0 ? QUERY_COOKIE_ONLY : QUERY_FORMERR;
    }
    return found->signed_by_key ? QUERY_NOTAUTH : QUERY_ANSWER;
}

/* A message of opcode QUERY; `counts` is the header's four counts, `reader` stands behind them. */
static enum query_form read_body(struct wire_reader *reader, const uint8_t *counts, struct query *query)
{
    unsigned questions = octets_u16(counts);
    unsigned records = octets_u16(counts + 2);
    unsigned authorities = octets_u16(counts + 4);
    unsigned additionals = octets_u16(counts + 6);
    if (questions == 1 ? !read_question(reader, query) : !skip_questions(reader, questions)) {
        return QUERY_FORMERR;
    }
    bool whole = questions <= 1; /* RFC 9619: QDCOUNT > 1 is an error */
    /* A query has no records but additional ones; IXFR carries a SOA in authority (RFC 1995 section 3). */
    whole &= records == 0 && (authorities == 0 || query->qtype == DNS_TYPE_IXFR);
    struct additional found = {.malformed_opt = false};
    whole &= read_sections(reader, records + authorities, additionals, query, &found);
    whole &= reader_ok(reader) && reader_left(reader) == 0; /* trailing octets */
    return form_of(query, questions, whole, &found);
}

void query_parse(const uint8_t *wire, size_t len, struct query *query)
{
    query->question_end = DNS_HEADER_LEN;
    query->qtype = 0;
    query->qclass = 0;
    query->labels = &query->read;
    query->read.count = 0;
    query->read.len = 0;
    query->edns = (struct query_edns){.present = false};
    struct wire_reader reader = reader_at(wire, len, 0);
    const uint8_t *header = reader_take(&reader, DNS_HEADER_LEN);
    if (header == NULL || (header[2] & DNS_FLAG_QR) != 0) {
        query->form = QUERY_DROP;
    } else if ((header[2] & DNS_OPCODE_MASK) != DNS_OPCODE_QUERY) {
        query->form = QUERY_NOTIMP;
    } else {
        query->form = read_body(&reader, header + 4, query);
    }
}

/* Out of line, so that a query without any saves no registers for it. */
static __attribute__((noinline)) enum query_form read_records(const uint8_t *wire, size_t len, unsigned additionals,
                                                              struct query *query)
{
    struct wire_reader reader = reader_at(wire, len, query->question_end);
    struct additional found = {.malformed_opt = false};
    bool whole = read_sections(&reader, 0, additionals, query, &found) && reader_left(&reader) == 0;
    return form_of(query, 1, whole, &found);
}

/* Whether these DNS_OPT_LEN octets are an OPT record at the root without options, as most queries end. */
static bool is_bare_opt(const uint8_t *record)
{
    return record[0] == 0 && octets_u16(record + 1) == DNS_TYPE_OPT && octets_u16(record + 9) == 0;
}

void query_parse_additional(const uint8_t *wire, size_t len, struct query *query)
{
    query->edns = (struct query_edns){.present = false};
    unsigned additionals = octets_u16(wire + DNS_HEADER_LEN - 2);
    if (additionals == 0) {
        query->form = len == query->question_end ? QUERY_ANSWER : QUERY_FORMERR; /* trailing octets */
    } else if (additionals == 1 && len == query->question_end + (size_t)DNS_OPT_LEN &&
               is_bare_opt(wire + query->question_end)) {
        query->edns.present = true;
        read_opt_fixed(wire + query->question_end + 1, &query->edns);
        query->form = query->edns.version == 0 ? QUERY_ANSWER : QUERY_BADVERS;
    } else {
        query->form = read_records(wire, len, additionals, query);
    }
}
