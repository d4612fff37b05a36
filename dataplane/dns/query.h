/* query.h: what a query says, read once and checked whole.
 *
 * Reading copies nothing of the question: it stays in the packet, where the answer is built behind it. Everything else that
 * an answer needs (the cookie, the EDNS fields) is copied, because the answer overwrites it.
 */
#ifndef TXTD_DATAPLANE_DNS_QUERY_H
#define TXTD_DATAPLANE_DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/name.h"

/* What is to be done with it, decided by its form alone. */
enum query_form {
    QUERY_ANSWER, /* well-formed, one question */
    QUERY_DROP,   /* not a query, or no header */
    QUERY_FORMERR,
    QUERY_NOTIMP,      /* another opcode: header only, all counts 0 (RFC 8906) */
    QUERY_NOTAUTH,     /* TSIG or SIG(0): keys we do not have (RFC 8945 section 5.2.1) */
    QUERY_BADVERS,     /* EDNS version > 0 (RFC 6891 section 6.1.3) */
    QUERY_COOKIE_ONLY, /* no question, a COOKIE option (RFC 7873 section 5.4) */
};

#define QUERY_SERVER_COOKIE_MAX 32

struct query_edns {
    bool present;
    bool do_bit;
    bool wants_nsid;
    bool wants_keepalive;
    uint8_t version;
    uint16_t payload_max;
    uint8_t cookie_len; /* 0: none; 8: client cookie alone; 16..40 */
    uint8_t cookie[8 + QUERY_SERVER_COOKIE_MAX];
};

struct query {
    enum query_form form;
    const struct name_labels *labels; /* of the qname, at DNS_QNAME_OFFSET; `read`, or the caller's */
    struct name_labels read;
    uint16_t question_end; /* offset behind the question; DNS_HEADER_LEN when there is none to echo */
    uint16_t qtype;
    uint16_t qclass;
    struct query_edns edns;
};

/* Reads `len` octets at `wire`. Fills all of *query, which then points into itself: it cannot be copied. Pure. */
void query_parse(const uint8_t *wire, size_t len, struct query *query);

/* The rest of that for a caller who has read the question: *query has labels, qtype, qclass and question_end, and the header
 * says opcode QUERY, one question, and no records but additional ones. Fills in the form and the EDNS part. Pure. */
void query_parse_additional(const uint8_t *wire, size_t len, struct query *query);

#endif
