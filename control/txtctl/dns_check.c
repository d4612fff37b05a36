#include "control/txtctl/dns_check.h"

#include <stdlib.h>
#include <string.h>

#include "control/txtctl/dns_ask.h"

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

bool dns_check_answer_has(const ldns_pkt *answer, const char *value)
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

int dns_check(const char *server, const char *name, const char *value, unsigned timeout_s, bool *found,
              struct error_detail *detail)
{
    struct dns_server *opened = NULL;
    ldns_pkt *answer = NULL;
    *found = false;
    int result = dns_ask_open(server, false, timeout_s, &opened, detail);
    if (result == 0) {
        result = dns_ask(opened, name, LDNS_RR_TYPE_TXT, false, &answer, detail);
    }
    if (result == 0 && ldns_pkt_get_rcode(answer) != LDNS_RCODE_NOERROR &&
        ldns_pkt_get_rcode(answer) != LDNS_RCODE_NXDOMAIN) {
        char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(answer));
        result =
            error_describe(detail, TXTD_ESYS, "%s answers %s for %s", server, rcode == NULL ? "an error" : rcode, name);
        free(rcode);
    } else if (result == 0) {
        *found = dns_check_answer_has(answer, value);
    }
    ldns_pkt_free(answer);
    dns_ask_close(opened);
    return result;
}
