/* dns_answer.h: what an answer of a DNS server says. Pure. */
#ifndef TXTD_CONTROL_TXTCTL_DNS_ANSWER_H
#define TXTD_CONTROL_TXTCTL_DNS_ANSWER_H

#include "control/txtctl/dns_name.h"
#include "dataplane/error.h"

#define DNS_RCODE_TEXT_MAX 32

/* "NXDOMAIN" and so on. */
void dns_answer_rcode_text(const ldns_pkt *answer, char text[DNS_RCODE_TEXT_MAX]);

/* Returns 0 when the answer says what there is, or that there is nothing, else TXTD_ESYS with "<who> answers SERVFAIL for <name>". */
int dns_answer_check(const ldns_pkt *answer, const char *who, const char *name, struct error_detail *detail);

/* The first record of a type, of `owner` (with its final dot) or of any name when that is NULL. Belongs to the list; NULL: none. */
const ldns_rr *dns_answer_find(const ldns_rr_list *records, ldns_rr_type type, const char *owner);

/* How many records of a type the answer section has. */
size_t dns_answer_count(const ldns_pkt *answer, ldns_rr_type type);

/* For how long a resolver remembers that something is not there, as the SOA in the answer says (RFC 2308 section 5): that of a
 * negative answer, or one that was asked for. 0: not said. */
uint32_t dns_answer_negative_ttl_s(const ldns_pkt *answer);

/* Whether the answer section holds `value` as a TXT record. */
bool dns_answer_has_value(const ldns_pkt *answer, const char *value);

#endif
