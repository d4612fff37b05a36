#include "control/txtctl/doctor.h"

#include "control/txtctl/dns_answer.h"

int doctor_try_resolver(struct doctor *doctor, struct error_detail *detail)
{
    ldns_pkt *answer = NULL;
    int rc = dns_ask(doctor->resolver, doctor->domain, LDNS_RR_TYPE_SOA, true, &answer, detail);
    if (rc != 0) { /* it may still be waiting for the domain's servers */
        struct error_detail other;
        rc = dns_ask(doctor->resolver, ".", LDNS_RR_TYPE_NS, true, &answer, &other) == 0 ? 0 : rc;
    }
    if (rc == 0 && ldns_pkt_get_rcode(answer) == LDNS_RCODE_REFUSED) {
        rc = dns_answer_check(answer, "the resolver", doctor->domain, detail);
    }
    ldns_pkt_free(answer);
    return rc;
}
