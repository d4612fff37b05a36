#include "control/txtctl/doctor.h"

#include <stdbool.h>
#include <string.h>

#include "control/txtctl/dns_answer.h"

#define SUBJECT "dnssec"

/* What a resolver makes of the signatures of a name. */
enum state {
    STATE_UNKNOWN,    /* there was no answer; `detail` says why */
    STATE_FAILED,     /* cannot be resolved, whether it validates or not */
    STATE_BOGUS,      /* answered only when validation is switched off (RFC 4035 section 3.2.2) */
    STATE_VALID,      /* the resolver says that it validates (AD) */
    STATE_UNVALIDATED /* answered, and nothing said */
};

static enum state find_state(struct doctor *doctor, const char *name, ldns_rr_type type, struct error_detail *detail)
{
    ldns_pkt *checked = NULL, *unchecked = NULL;
    enum state state = STATE_UNKNOWN;
    if (dns_ask(doctor->resolver, name, type, false, &checked, detail) == 0 &&
        dns_ask(doctor->resolver, name, type, true, &unchecked, detail) == 0) {
        bool failed = ldns_pkt_get_rcode(checked) == LDNS_RCODE_SERVFAIL;
        bool failed_unchecked = ldns_pkt_get_rcode(unchecked) == LDNS_RCODE_SERVFAIL;
        state = failed                 ? (failed_unchecked ? STATE_FAILED : STATE_BOGUS)
                : ldns_pkt_ad(checked) ? STATE_VALID
                                       : STATE_UNVALIDATED;
    }
    ldns_pkt_free(checked);
    ldns_pkt_free(unchecked);
    return state;
}

/* Whether the parent of a zone says that it is signed. False also when it cannot be asked. */
static bool has_ds(struct doctor *doctor, const char *apex)
{
    struct error_detail detail;
    ldns_pkt *answer = NULL;
    bool found = dns_ask(doctor->resolver, apex, LDNS_RR_TYPE_DS, true, &answer, &detail) == 0 &&
                 dns_answer_find(ldns_pkt_answer(answer), LDNS_RR_TYPE_DS, apex) != NULL;
    ldns_pkt_free(answer);
    return found;
}

/* Returns whether the zone's signatures are no hindrance. */
static bool judge_zone(struct doctor *doctor, const char *apex, const char *whose, const char *name, ldns_rr_type type)
{
    struct error_detail detail = {""};
    enum state state = find_state(doctor, name, type, &detail);
    switch (state) {
    case STATE_UNKNOWN: findings_add(doctor->findings, FINDING_WARNING, SUBJECT, NULL, "%s", detail.text); break;
    case STATE_FAILED:
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, NULL, "the resolver cannot resolve %s (%s)", name,
                     whose);
        break;
    case STATE_BOGUS:
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "authorities validate: correct the signatures, or remove the DS record from the parent",
                     "%s (%s) is signed, and its signatures do not validate", apex, whose);
        break;
    case STATE_VALID:
        findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "%s (%s) is signed, and it validates", apex, whose);
        break;
    case STATE_UNVALIDATED:
        if (has_ds(doctor, apex)) {
            findings_add(doctor->findings, FINDING_WARNING, SUBJECT,
                         "authorities validate: ask a resolver that does (--server); if this one does, a zone above is "
                         "not signed",
                         "%s (%s) is signed, but this resolver does not validate it", apex, whose);
        } else {
            findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL,
                         "%s (%s) is not signed: the resolver has no DS record for it", apex, whose);
        }
        break;
    }
    return state != STATE_FAILED && state != STATE_BOGUS;
}

void doctor_examine_dnssec(struct doctor *doctor)
{
    struct error_detail detail;
    bool good = true;
    if (*doctor->zone != '\0') { /* else doctor_examine_cname has said why */
        good = judge_zone(doctor, doctor->zone, "the domain's zone",
                          *doctor->target == '\0' ? doctor->zone : doctor->challenge,
                          *doctor->target == '\0' ? LDNS_RR_TYPE_SOA : LDNS_RR_TYPE_CNAME);
    }
    if (*doctor->target_zone != '\0' && strcasecmp(doctor->target_zone, doctor->zone) != 0) {
        good = judge_zone(doctor, doctor->target_zone, "the delegate's zone", doctor->target, LDNS_RR_TYPE_TXT) && good;
    }
    if (good && doctor->links > 1 && find_state(doctor, doctor->challenge, LDNS_RR_TYPE_TXT, &detail) == STATE_BOGUS) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "authorities validate: correct the signatures there, or lead to the delegate without a detour",
                     "the signatures of a name between %s and %s do not validate", doctor->challenge, doctor->target);
    }
}
