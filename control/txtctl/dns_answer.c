#include "control/txtctl/dns_answer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dns_answer_rcode_text(const ldns_pkt *answer, char text[DNS_RCODE_TEXT_MAX])
{
    char *made = ldns_pkt_rcode2str(ldns_pkt_get_rcode(answer));
    (void)snprintf(text, DNS_RCODE_TEXT_MAX, "%s", made == NULL ? "an error" : made);
    free(made);
}

int dns_answer_check(const ldns_pkt *answer, const char *who, const char *name, struct error_detail *detail)
{
    char text[DNS_RCODE_TEXT_MAX];
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(answer);
    if (rcode == LDNS_RCODE_NOERROR || rcode == LDNS_RCODE_NXDOMAIN) {
        return 0;
    }
    dns_answer_rcode_text(answer, text);
    return error_describe(detail, TXTD_ESYS, "%s answers %s for %s", who, text, name);
}

const ldns_rr *dns_answer_find(const ldns_rr_list *records, ldns_rr_type type, const char *owner)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        char name[DNS_NAME_TEXT_MAX];
        if (ldns_rr_get_type(record) == type &&
            (owner == NULL || (dns_name_text(ldns_rr_owner(record), name) && strcasecmp(name, owner) == 0))) {
            return record;
        }
    }
    return NULL;
}

size_t dns_answer_count(const ldns_pkt *answer, ldns_rr_type type)
{
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    size_t count = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        count += ldns_rr_get_type(ldns_rr_list_rr(records, i)) == type;
    }
    return count;
}

uint32_t dns_answer_negative_ttl_s(const ldns_pkt *answer)
{
    const ldns_rr *soa = dns_answer_find(ldns_pkt_answer(answer), LDNS_RR_TYPE_SOA, NULL);
    if (soa == NULL) {
        soa = dns_answer_find(ldns_pkt_authority(answer), LDNS_RR_TYPE_SOA, NULL);
    }
    if (soa == NULL || ldns_rr_rd_count(soa) < 7) {
        return 0;
    }
    uint32_t minimum = ldns_rdf2native_int32(ldns_rr_rdf(soa, 6));
    return ldns_rr_ttl(soa) < minimum ? ldns_rr_ttl(soa) : minimum;
}

/* A TXT record is one or more strings of up to 255 octets, which belong together (RFC 7208 section 3.3, as everybody does). */
static bool record_is(const ldns_rr *record, const char *value)
{
    size_t value_len = strlen(value), at = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(record); i++) {
        const ldns_rdf *string = ldns_rr_rdf(record, i);
        size_t len = ldns_rdf_size(string) == 0 ? 0 : ldns_rdf_size(string) - 1; /* behind its length */
        if (len > value_len - at || memcmp(ldns_rdf_data(string) + 1, value + at, len) != 0) {
            return false;
        }
        at += len;
    }
    return at == value_len;
}

bool dns_answer_has_value(const ldns_pkt *answer, const char *value)
{
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        if (ldns_rr_get_type(record) == LDNS_RR_TYPE_TXT && record_is(record, value)) {
            return true;
        }
    }
    return false;
}
