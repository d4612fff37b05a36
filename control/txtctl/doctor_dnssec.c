#include "control/txtctl/doctor.h"

#include <string.h>

#define SUBJECT "dnssec"

/* What the resolver says with and without validation tells a zone that is not signed from one that is signed wrongly. */
static void judge(struct doctor *doctor, const char *name, const char *whose, ldns_rr_type type)
{
    struct error_detail detail = {""};
    ldns_pkt *checked = NULL;
    ldns_pkt *unchecked = NULL;
    if (dns_ask(doctor->resolver, name, type, false, &checked, &detail) != 0 ||
        dns_ask(doctor->resolver, name, type, true, &unchecked, &detail) != 0) {
        findings_add(doctor->findings, FINDING_WARNING, SUBJECT, NULL, "%s", detail.text);
    } else if (ldns_pkt_get_rcode(checked) == LDNS_RCODE_SERVFAIL &&
               ldns_pkt_get_rcode(unchecked) != LDNS_RCODE_SERVFAIL) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "authorities validate: correct the signatures, or remove the DS record from the parent",
                     "%s (%s) is signed, and its signatures do not validate", name, whose);
    } else if (ldns_pkt_get_rcode(checked) == LDNS_RCODE_SERVFAIL) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, NULL, "the resolver cannot resolve %s (%s)", name,
                     whose);
    } else if (ldns_pkt_ad(checked)) {
        findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "%s (%s) is signed, and it validates", name, whose);
    } else {
        findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL,
                     "%s (%s) is not signed, or the resolver does not validate", name, whose);
    }
    ldns_pkt_free(checked);
    ldns_pkt_free(unchecked);
}

void doctor_examine_dnssec(struct doctor *doctor)
{
    judge(doctor, doctor->domain, "the domain", LDNS_RR_TYPE_SOA);
    if (*doctor->target != '\0') {
        judge(doctor, doctor->target, "the delegate", LDNS_RR_TYPE_TXT);
    }
}
