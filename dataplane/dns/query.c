#include "dataplane/dns/query.h"

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
        uint16_t code = read_u16(rdata);
        uint16_t len = read_u16(rdata);
        if (!reader_ok(rdata) || reader_left(rdata) < len) {
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

static bool read_opt(uint16_t class, uint32_t ttl, const uint8_t *rdata, uint16_t rdata_len, struct query_edns *edns)
{
    edns->payload_max = class;
    edns->version = (uint8_t)(ttl >> 16);
    edns->do_bit = (ttl & DNS_EDNS_DO) != 0;
    struct wire_reader options = reader_at(rdata, rdata_len, 0);
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
    uint16_t type = read_u16(reader);
    uint16_t class = read_u16(reader);
    uint32_t ttl = read_u32(reader);
    uint16_t rdata_len = read_u16(reader);
    const uint8_t *rdata = reader_take(reader, rdata_len);
    if (rdata == NULL) {
        return false;
    }
    if (type == DNS_TYPE_OPT) {
        /* RFC 6891 section 6.1.1: one, at the root */
        if (!at_root || query->edns.present) {
            found->malformed_opt = true;
        } else {
            found->malformed_opt |= !read_opt(class, ttl, rdata, rdata_len, &query->edns);
        }
    } else if (type == DNS_TYPE_TSIG || (type == DNS_TYPE_SIG && rdata_len >= 2 && rdata[0] == 0 && rdata[1] == 0)) {
        found->signed_by_key = true; /* SIG(0): a SIG that covers type 0, RFC 2931 section 3 */
    }
    return true;
}

static bool skip_question(struct wire_reader *reader)
{
    return name_skip(reader) && reader_take(reader, 4) != NULL;
}

static bool skip_record(struct wire_reader *reader)
{
    if (!name_skip(reader) || reader_take(reader, 8) == NULL) {
        return false;
    }
    uint16_t rdata_len = read_u16(reader);
    return reader_take(reader, rdata_len) != NULL;
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

void query_parse(const uint8_t *wire, size_t len, struct query *query)
{
    query->question_end = DNS_HEADER_LEN;
    query->qtype = 0;
    query->qclass = 0;
    query->labels.count = 0;
    query->labels.len = 0;
    query->edns = (struct query_edns){.present = false};
    if (len < DNS_HEADER_LEN || (wire[2] & DNS_FLAG_QR) != 0) {
        query->form = QUERY_DROP;
        return;
    }
    if ((wire[2] & DNS_OPCODE_MASK) != DNS_OPCODE_QUERY) {
        query->form = QUERY_NOTIMP;
        return;
    }
    struct wire_reader reader = reader_at(wire, len, 4);
    unsigned questions = read_u16(&reader);
    unsigned records = read_u16(&reader);
    unsigned authorities = read_u16(&reader);
    unsigned additionals = read_u16(&reader);

    bool whole = questions <= 1; /* RFC 9619: QDCOUNT > 1 is an error */
    if (questions == 1) {
        whole = name_read(&reader, &query->labels);
        query->qtype = read_u16(&reader);
        query->qclass = read_u16(&reader);
        if (!whole || !reader_ok(&reader)) {
            query->form = QUERY_FORMERR;
            return;
        }
        query->question_end = (uint16_t)reader.at;
    }
    for (unsigned i = 0; questions > 1 && i < questions; i++) {
        if (!skip_question(&reader)) {
            query->form = QUERY_FORMERR;
            return;
        }
    }
    /* A query has no records but additional ones; IXFR carries a SOA in authority (RFC 1995 section 3). */
    whole &= records == 0 && (authorities == 0 || query->qtype == DNS_TYPE_IXFR);
    struct additional found = {.malformed_opt = false};
    whole &= read_sections(&reader, records + authorities, additionals, query, &found);
    whole &= reader_ok(&reader) && reader_left(&reader) == 0; /* trailing octets */
    query->form = form_of(query, questions, whole, &found);
}
