#include "control/txtctl/doctor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/dns_answer.h"

#define SUBJECT             "delegate"
#define NEGATIVE_TTL_S_GOOD 60 /* an authority asks again within a minute or so */

static void judge_values(struct doctor *doctor, const char *who, const ldns_pkt *answer)
{
    size_t count = dns_answer_count(answer, LDNS_RR_TYPE_TXT);
    if (doctor->value != NULL && !dns_answer_has_value(answer, doctor->value)) {
        findings_add(doctor->findings, FINDING_PROBLEM, "value",
                     "has the client's update been answered with 200? Newer values may have taken its place",
                     "%s does not answer the value", who);
    } else if (doctor->value != NULL) {
        findings_add(doctor->findings, FINDING_OK, "value", NULL, "%s answers the value", who);
    }
    findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "%s answers for %s, %zu value%s now", who, doctor->target,
                 count, count == 1 ? "" : "s");
}

static void judge_answer(struct doctor *doctor, const char *who, const ldns_pkt *answer)
{
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(answer);
    char text[DNS_RCODE_TEXT_MAX];
    dns_answer_rcode_text(answer, text);
    if (rcode == LDNS_RCODE_NXDOMAIN) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "compare the CNAME with the name that registration gave; was the delegate deleted?",
                     "%s knows no delegate %s", who, doctor->target);
    } else if (rcode != LDNS_RCODE_NOERROR || !ldns_pkt_aa(answer)) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "this is for the operator of the delegate service: the server does not serve the zone",
                     "%s answers %s%s for %s", who, text, ldns_pkt_aa(answer) ? "" : " without authority",
                     doctor->target);
    } else {
        judge_values(doctor, who, answer);
    }
}

/* Asked for itself: an answer with values has no SOA, but the next order begins without values. */
static void judge_negative_ttl(struct doctor *doctor, const char *who, struct dns_server *asked)
{
    struct error_detail detail;
    ldns_pkt *answer = NULL;
    if (dns_ask(asked, doctor->target_zone, LDNS_RR_TYPE_SOA, false, &answer, &detail) != 0) {
        return; /* it has answered just now; an authority would ask again, too */
    }
    uint32_t ttl_s = dns_answer_negative_ttl_s(answer);
    if (ttl_s > NEGATIVE_TTL_S_GOOD) {
        findings_add(doctor->findings, FINDING_WARNING, SUBJECT,
                     "this is for the operator of the delegate service: lower the SOA's minimum to some seconds",
                     "%s: a resolver that asks before the update remembers for %u s that there was nothing", who,
                     ttl_s);
    }
    ldns_pkt_free(answer);
}

static void judge_server(struct doctor *doctor, const struct dns_zone_server *server)
{
    struct dns_server *asked = NULL;
    struct error_detail detail = {""};
    ldns_pkt *answer = NULL;
    char who[DNS_NAME_TEXT_MAX + DNS_ADDRESS_TEXT_MAX + 4];
    (void)snprintf(who, sizeof who, "%s (%s)", server->name, server->address);
    if (dns_ask_open(server->address, false, doctor->timeout_s, &asked, &detail) != 0 ||
        dns_ask(asked, doctor->target, LDNS_RR_TYPE_TXT, false, &answer, &detail) != 0) {
        findings_add(doctor->findings, FINDING_WARNING, SUBJECT,
                     "if IPv6 does not work here, ask from another place; else this is for the operator of the service",
                     "%s: %s", who, detail.text);
    } else {
        judge_answer(doctor, who, answer);
        judge_negative_ttl(doctor, who, asked);
    }
    ldns_pkt_free(answer);
    dns_ask_close(asked);
}

/* What an authority's resolver sees, from the customer's name to the value. */
static void judge_resolution(struct doctor *doctor)
{
    struct error_detail detail = {""};
    ldns_pkt *answer = NULL;
    char text[DNS_RCODE_TEXT_MAX];
    if (dns_ask(doctor->resolver, doctor->challenge, LDNS_RR_TYPE_TXT, false, &answer, &detail) != 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, "resolution", NULL, "%s", detail.text);
        return;
    }
    dns_answer_rcode_text(answer, text);
    if (ldns_pkt_get_rcode(answer) != LDNS_RCODE_NOERROR) {
        findings_add(doctor->findings, FINDING_PROBLEM, "resolution", NULL, "the resolver answers %s for %s", text,
                     doctor->challenge);
    } else if (doctor->value != NULL && !dns_answer_has_value(answer, doctor->value)) {
        findings_add(doctor->findings, FINDING_WARNING, "resolution",
                     "it may remember an older answer; ask again when its TTL is over",
                     "the resolver does not answer the value for %s", doctor->challenge);
    } else {
        findings_add(doctor->findings, FINDING_OK, "resolution", NULL, "the resolver follows %s to %zu value%s",
                     doctor->challenge, dns_answer_count(answer, LDNS_RR_TYPE_TXT),
                     dns_answer_count(answer, LDNS_RR_TYPE_TXT) == 1 ? "" : "s");
    }
    ldns_pkt_free(answer);
}

void doctor_examine_delegate(struct doctor *doctor)
{
    struct error_detail detail = {""};
    if (*doctor->target == '\0') {
        return; /* doctor_examine_cname has said why */
    }
    struct dns_zone *zone = malloc(sizeof *zone);
    int rc = zone == NULL ? TXTD_ENOMEM : dns_zone_find(doctor->resolver, doctor->target, zone, &detail);
    if (zone == NULL || rc != 0 || zone->servers_count == 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "this is for the operator of the delegate service: the zone must be delegated from its parent",
                     "the zone of %s cannot be found: %s", doctor->target,
                     *detail.text != '\0' ? detail.text : "no name server has an address");
    } else {
        memcpy(doctor->target_zone, zone->apex, sizeof doctor->target_zone);
        for (size_t i = 0; i < zone->servers_count; i++) {
            judge_server(doctor, &zone->servers[i]);
        }
        judge_resolution(doctor);
    }
    free(zone);
}
