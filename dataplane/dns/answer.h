/* answer.h: an answer being written behind its question, in the packet of the query.
 *
 * Sections are filled in order: answer, authority, additional. An RRset goes in whole or not at all (RFC 2181 section 9).
 * Room for the OPT record is held back from the start; answer_finish writes it, the counts and the header.
 * Pure; any thread.
 */
#ifndef TXTD_DATAPLANE_DNS_ANSWER_H
#define TXTD_DATAPLANE_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/query.h"

struct rrset;

enum answer_section { SECTION_ANSWER = 0, SECTION_AUTHORITY = 1, SECTION_ADDITIONAL = 2 };

/* The EDNS part of an answer, decided before anything is written, because its size is held back. */
struct answer_edns {
    bool present;
    bool do_bit;
    uint8_t cookie_len; /* 0 or 24 */
    uint8_t cookie[24];
    const char *nsid; /* NULL: not sent */
    size_t nsid_len;
    uint16_t keepalive_100ms; /* 0: not sent */
    int extended_error;       /* enum dns_extended_error */
};

struct answer {
    struct wire_writer writer; /* its capacity is the size limit less the OPT */
    const struct query *query;
    struct answer_edns edns;
    uint16_t opt_len;   /* octets held back for the OPT */
    uint16_t counts[3]; /* by section */
    uint16_t rcode;     /* extended */
    bool authoritative;
    bool truncated;
};

/* Starts an answer in `wire`, of which `limit` octets may be used. The question stays where it is. answer->edns has been
 * filled in by the caller. */
void answer_begin(struct answer *answer, uint8_t *wire, size_t limit, const struct query *query);

/* Appends a whole RRset and its RRSIGs when DO is set. `owner` is an uncompressed name of owner_len octets; where it is the
 * qname's end it becomes a pointer. Returns false, with nothing written, when it does not fit. */
bool answer_append_rrset(struct answer *answer, enum answer_section section, const uint8_t *owner, size_t owner_len,
                         const struct rrset *rrset);

/* Appends `records` records that are complete on the wire with the owner a pointer into the qname, as delegate_entry and
 * zone's delegate_negative have them. Returns false, with nothing written, when they do not fit. Inline: almost every answer is made of this. */
static inline bool answer_append_ready(struct answer *answer, enum answer_section section, const uint8_t *records_wire,
                                       size_t len, unsigned records)
{
    struct wire_writer *writer = &answer->writer;
    if (writer->capacity - writer->at < len) {
        return false;
    }
    memcpy(writer->data + writer->at, records_wire, len);
    writer->at += len;
    answer->counts[section] = (uint16_t)(answer->counts[section] + records);
    return true;
}

/* Gives up what was written behind the question and sets TC. */
void answer_truncate(struct answer *answer);

/* Writes the OPT record and the header. Returns the octets of the message. */
size_t answer_finish(struct answer *answer);

#endif
