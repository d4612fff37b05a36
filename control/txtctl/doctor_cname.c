#include "control/txtctl/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADVICE_MAX (2 * DNS_NAME_TEXT_MAX + 64)
#define LONG_TTL_S 86400
#define SUBJECT    "cname"

void doctor_rcode_text(const ldns_pkt *answer, char text[32])
{
    char *made = ldns_pkt_rcode2str(ldns_pkt_get_rcode(answer));
    (void)snprintf(text, 32, "%s", made == NULL ? "an error" : made);
    free(made);
}

uint32_t doctor_negative_ttl(const ldns_pkt *answer)
{
    const ldns_rr_list *records = ldns_pkt_authority(answer);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        if (ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(record) >= 7) {
            uint32_t minimum = ldns_rdf2native_int32(ldns_rr_rdf(record, 6));
            return ldns_rr_ttl(record) < minimum ? ldns_rr_ttl(record) : minimum;
        }
    }
    return 0;
}

static const ldns_rr *find(const ldns_rr_list *records, ldns_rr_type type)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        if (ldns_rr_get_type(ldns_rr_list_rr(records, i)) == type) {
            return ldns_rr_list_rr(records, i);
        }
    }
    return NULL;
}

/* A server that has no CNAME there: what it has instead, and what follows. */
static void judge_absent(struct doctor *doctor, const struct dns_zone_server *server, struct dns_server *asked,
                         const ldns_pkt *answer)
{
    char advice[ADVICE_MAX];
    struct error_detail detail;
    ldns_pkt *txt = NULL;
    (void)snprintf(advice, sizeof advice, "add to the zone: %s IN CNAME %s", doctor->challenge,
                   *doctor->expected == '\0' ? "<the delegate's name>." : doctor->expected);
    if (find(ldns_pkt_authority(answer), LDNS_RR_TYPE_NS) != NULL && !ldns_pkt_aa(answer)) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "remove the NS records at that name and put the CNAME in their place",
                     "%s (%s) delegates %s with NS records", server->name, server->address, doctor->challenge);
    } else if (dns_ask(asked, doctor->challenge, LDNS_RR_TYPE_TXT, false, &txt, &detail) == 0 &&
               find(ldns_pkt_answer(txt), LDNS_RR_TYPE_TXT) != NULL) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "remove the TXT records (another client has left them) and put the CNAME in their place",
                     "%s (%s) has TXT records at %s and no CNAME", server->name, server->address, doctor->challenge);
    } else {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, advice, "%s (%s) has no CNAME at %s", server->name,
                     server->address, doctor->challenge);
    }
    ldns_pkt_free(txt);
    if (doctor_negative_ttl(answer) > 0) {
        findings_add(doctor->findings, FINDING_NOTE, SUBJECT, "do not order a certificate sooner than that",
                     "resolvers that have asked in vain remember it for up to %u s", doctor_negative_ttl(answer));
    }
}

static void judge_present(struct doctor *doctor, const struct dns_zone_server *server, const ldns_rr *record)
{
    char target[DNS_NAME_TEXT_MAX];
    if (!dns_name_text(ldns_rr_rdf(record, 0), target)) {
        return;
    }
    if (*doctor->target == '\0') {
        memcpy(doctor->target, target, sizeof target);
    }
    if (*doctor->expected != '\0' && strcasecmp(target, doctor->expected) != 0) {
        char advice[ADVICE_MAX];
        (void)snprintf(advice, sizeof advice, "change it to: %s IN CNAME %s", doctor->challenge, doctor->expected);
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, advice,
                     "%s (%s): %s leads to %s, which is not the account's delegate", server->name, server->address,
                     doctor->challenge, target);
    } else if (strcasecmp(target, doctor->target) != 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "wait until all servers have the same zone, or look why one has not",
                     "%s (%s) leads to %s, another server to %s", server->name, server->address, target,
                     doctor->target);
    } else {
        findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "%s (%s) has the CNAME to %s", server->name,
                     server->address, target);
    }
    if (ldns_rr_ttl(record) > LONG_TTL_S) {
        findings_add(doctor->findings, FINDING_NOTE, SUBJECT, NULL,
                     "its TTL is %u s: a change to another delegate takes as long", ldns_rr_ttl(record));
    }
}

static void judge_server(struct doctor *doctor, const struct dns_zone_server *server)
{
    struct dns_server *asked = NULL;
    struct error_detail detail = {""};
    ldns_pkt *answer = NULL;
    if (dns_ask_open(server->address, false, doctor->timeout_s, &asked, &detail) != 0 ||
        dns_ask(asked, doctor->challenge, LDNS_RR_TYPE_CNAME, false, &answer, &detail) != 0) {
        findings_add(doctor->findings, FINDING_WARNING, SUBJECT,
                     "an authority may ask just this server; if IPv6 does not work here, ask from another place",
                     "%s (%s): %s", server->name, server->address, detail.text);
        dns_ask_close(asked);
        return;
    }
    const ldns_rr *record = find(ldns_pkt_answer(answer), LDNS_RR_TYPE_CNAME);
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(answer);
    if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
        char text[32];
        doctor_rcode_text(answer, text);
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "make this server serve the zone, or remove its NS record", "%s (%s) answers %s for %s",
                     server->name, server->address, text, doctor->challenge);
    } else if (record != NULL) {
        judge_present(doctor, server, record);
    } else {
        judge_absent(doctor, server, asked, answer);
    }
    ldns_pkt_free(answer);
    dns_ask_close(asked);
}

void doctor_examine_cname(struct doctor *doctor)
{
    struct error_detail detail = {""};
    struct dns_zone *zone = malloc(sizeof *zone);
    if (zone == NULL) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, NULL, "%s", txtd_error_text(TXTD_ENOMEM));
    } else if (dns_zone_find(doctor->resolver, doctor->challenge, zone, &detail) != 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, "is the domain registered and delegated?", "%s",
                     detail.text);
    } else if (zone->servers_count == 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, "give the zone name servers that have addresses",
                     "no name server of %s has an address", zone->apex);
    } else {
        for (size_t i = 0; i < zone->servers_count; i++) {
            judge_server(doctor, &zone->servers[i]);
        }
    }
    free(zone);
}
