/* Almost every query asks for `<uuid>.<apex>` and nothing unusual, so such a question is recognised as a whole: the label by
 * its length and form, the rest by being octet for octet (case aside) an apex. Where the labels begin is then known from the
 * zone. Everything else goes the long way, which gives the same result for these, too. */
#include "dataplane/respond_question.h"

#define LABEL_LEN        (1 + DELEGATE_ID_TEXT_LEN)
#define QUESTION_TAIL    4 /* QTYPE and QCLASS */
#define QUESTION_LEN_MIN (LABEL_LEN + 1 + QUESTION_TAIL)

/* A query of opcode QUERY with one question and no record but additional ones. */
static bool header_is_usual(const uint8_t header[DNS_HEADER_LEN])
{
    static const uint8_t usual[6] = {0, 1, 0, 0, 0, 0}; /* QDCOUNT, ANCOUNT, NSCOUNT */
    return (header[2] & (DNS_FLAG_QR | DNS_OPCODE_MASK)) == 0 && memcmp(header + 4, usual, sizeof usual) == 0;
}

static const struct zone *read_short(const struct zone_set *zones, const uint8_t *wire, size_t len, struct query *query,
                                     struct delegate_id *id)
{
    if (len < DNS_HEADER_LEN + QUESTION_LEN_MIN || !header_is_usual(wire)) {
        return NULL;
    }
    const uint8_t *label = wire + DNS_QNAME_OFFSET;
    if (label[0] != DELEGATE_ID_TEXT_LEN || delegate_id_parse((const char *)label + 1, label[0], id) != 0) {
        return NULL;
    }
    const uint8_t *rest = label + LABEL_LEN;
    const struct zone *zone = zone_set_match_apex(zones, rest, len - DNS_HEADER_LEN - LABEL_LEN - QUESTION_TAIL);
    if (zone == NULL) {
        return NULL;
    }
    const uint8_t *tail = rest + zone->apex_len;
    query->labels = &zone->delegate_labels;
    query->qtype = octets_u16(tail);
    query->qclass = octets_u16(tail + 2);
    query->question_end = (uint16_t)(tail + QUESTION_TAIL - wire);
    query_parse_additional(wire, len, query);
    return zone;
}

const struct zone *question_delegate_form(const struct zone_set *zones, struct wire_name name, struct delegate_id *id)
{
    const uint8_t *label = name.octets;
    if (label[0] != DELEGATE_ID_TEXT_LEN || delegate_id_parse((const char *)label + 1, label[0], id) != 0) {
        return NULL;
    }
    return zone_set_find_apex(zones, name, 1);
}

/* Out of line, so that the short way saves no registers for it. */
static __attribute__((noinline)) const struct zone *read_long(const struct zone_set *zones, const uint8_t *wire,
                                                              size_t len, struct query *query, struct delegate_id *id)
{
    query_parse(wire, len, query);
    if (query->form != QUERY_ANSWER || query->qclass != DNS_CLASS_IN || zones == NULL) {
        return NULL;
    }
    return question_delegate_form(zones, (struct wire_name){wire + DNS_QNAME_OFFSET, query->labels}, id);
}

const struct zone *question_read(const struct zone_set *zones, const uint8_t *wire, size_t len, struct query *query,
                                 struct delegate_id *id)
{
    const struct zone *zone = zones == NULL ? NULL : read_short(zones, wire, len, query, id);
    if (zone == NULL) {
        return read_long(zones, wire, len, query, id);
    }
    return query->form == QUERY_ANSWER && query->qclass == DNS_CLASS_IN ? zone : NULL;
}
