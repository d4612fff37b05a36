#include "control/txtctl/doctor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/dns_answer.h"
#include "control/txtctl/dns_chain.h"

#define ADVICE_MAX (2 * DNS_NAME_TEXT_MAX + 64)
#define LONG_TTL_S 86400
#define SUBJECT    "cname"

/* What the servers have said until now. */
struct scan {
    struct doctor *doctor;
    char first[DNS_NAME_TEXT_MAX]; /* where the first server's CNAME leads; "" until there is one */
    struct dns_chain chain;        /* the last that was followed */
    struct error_detail detail;    /* why it ended */
    int rc;
};

/* A server that has no CNAME there: what it has instead, and what follows. */
static void judge_absent(struct doctor *doctor, const struct dns_zone_server *server, struct dns_server *asked,
                         const ldns_pkt *answer)
{
    char advice[ADVICE_MAX];
    struct error_detail detail;
    ldns_pkt *txt = NULL;
    (void)snprintf(advice, sizeof advice, "add to the zone: %s IN CNAME %s", doctor->challenge,
                   *doctor->expected == '\0' ? "<the delegate's name>." : doctor->expected);
    if (dns_answer_find(ldns_pkt_authority(answer), LDNS_RR_TYPE_NS, NULL) != NULL && !ldns_pkt_aa(answer)) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "remove the NS records at that name and put the CNAME in their place",
                     "%s (%s) delegates %s with NS records", server->name, server->address, doctor->challenge);
    } else if (dns_ask(asked, doctor->challenge, LDNS_RR_TYPE_TXT, false, &txt, &detail) == 0 &&
               dns_answer_find(ldns_pkt_answer(txt), LDNS_RR_TYPE_TXT, NULL) != NULL) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "remove the TXT records (another client has left them) and put the CNAME in their place",
                     "%s (%s) has TXT records at %s and no CNAME", server->name, server->address, doctor->challenge);
    } else {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, advice, "%s (%s) has no CNAME at %s", server->name,
                     server->address, doctor->challenge);
    }
    ldns_pkt_free(txt);
    if (dns_answer_negative_ttl_s(answer) > 0) {
        findings_add(doctor->findings, FINDING_NOTE, SUBJECT, "do not order a certificate sooner than that",
                     "resolvers that have asked in vain remember it for up to %u s", dns_answer_negative_ttl_s(answer));
    }
}

/* Follows the CNAME to `target` further, unless the server before had the same. Returns what dns_chain_follow does. */
static int follow(struct scan *scan, const char *target)
{
    if (scan->chain.links > 0 && strcasecmp(scan->chain.names[1], target) == 0) {
        return scan->rc;
    }
    dns_chain_begin(&scan->chain, scan->doctor->challenge);
    scan->rc = dns_chain_add(&scan->chain, target, &scan->detail);
    if (scan->rc == 0) {
        scan->rc = dns_chain_follow(scan->doctor->resolver, &scan->chain, &scan->detail);
    }
    return scan->rc;
}

/* Where a chain ends that could be followed. */
static void judge_end(struct scan *scan, const struct dns_zone_server *server, const char *target)
{
    struct doctor *doctor = scan->doctor;
    const char *end = scan->chain.names[scan->chain.links];
    char advice[ADVICE_MAX], by[DNS_NAME_TEXT_MAX + 32] = "";
    if (*doctor->target == '\0') {
        (void)snprintf(doctor->target, sizeof doctor->target, "%s", end);
        doctor->links = scan->chain.links;
    }
    if (scan->chain.links > 1) {
        (void)snprintf(by, sizeof by, " by %u CNAMEs", scan->chain.links);
    }
    if (*doctor->expected != '\0' && strcasecmp(end, doctor->expected) != 0) {
        (void)snprintf(advice, sizeof advice, "change it to: %s IN CNAME %s", doctor->challenge, doctor->expected);
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, advice,
                     "%s (%s): %s leads to %s%s, which is not the account's delegate", server->name, server->address,
                     doctor->challenge, end, by);
    } else if (strcasecmp(target, scan->first) != 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "wait until all servers have the same zone, or look why one has not",
                     "%s (%s) leads to %s, another server to %s", server->name, server->address, target, scan->first);
    } else {
        findings_add(doctor->findings, FINDING_OK, SUBJECT, NULL, "%s (%s) has the CNAME to %s%s", server->name,
                     server->address, end, by);
    }
}

static void judge_present(struct scan *scan, const struct dns_zone_server *server, const ldns_rr *record)
{
    struct doctor *doctor = scan->doctor;
    char target[DNS_NAME_TEXT_MAX], advice[ADVICE_MAX];
    if (!dns_name_text(ldns_rr_rdf(record, 0), target)) {
        return;
    }
    if (*scan->first == '\0') {
        memcpy(scan->first, target, sizeof target);
    }
    if (follow(scan, target) == 0) {
        judge_end(scan, server, target);
    } else {
        (void)snprintf(advice, sizeof advice, "let it lead to the delegate itself: %s IN CNAME %s", doctor->challenge,
                       *doctor->expected == '\0' ? "<the delegate's name>." : doctor->expected);
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, advice, "%s (%s) has the CNAME to %s: %s",
                     server->name, server->address, target, scan->detail.text);
    }
    if (ldns_rr_ttl(record) > LONG_TTL_S) {
        findings_add(doctor->findings, FINDING_NOTE, SUBJECT, NULL,
                     "its TTL is %u s: a change to another delegate takes as long", ldns_rr_ttl(record));
    }
}

static void judge_server(struct scan *scan, const struct dns_zone_server *server)
{
    struct doctor *doctor = scan->doctor;
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
    const ldns_rr *record = dns_answer_find(ldns_pkt_answer(answer), LDNS_RR_TYPE_CNAME, doctor->challenge);
    char who[DNS_NAME_TEXT_MAX + DNS_ADDRESS_TEXT_MAX + 4];
    (void)snprintf(who, sizeof who, "%s (%s)", server->name, server->address);
    if (dns_answer_check(answer, who, doctor->challenge, &detail) != 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT,
                     "make this server serve the zone, or remove its NS record", "%s", detail.text);
    } else if (record != NULL) {
        judge_present(scan, server, record);
    } else {
        judge_absent(doctor, server, asked, answer);
    }
    ldns_pkt_free(answer);
    dns_ask_close(asked);
}

static void examine(struct scan *scan, struct dns_zone *zone)
{
    struct doctor *doctor = scan->doctor;
    if (dns_zone_find(doctor->resolver, doctor->challenge, zone, &scan->detail) != 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, "is the domain registered and delegated?", "%s",
                     scan->detail.text);
        return;
    }
    memcpy(doctor->zone, zone->apex, sizeof doctor->zone);
    if (zone->servers_count == 0) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, "give the zone name servers that have addresses",
                     "no name server of %s has an address", zone->apex);
    }
    for (size_t i = 0; i < zone->servers_count; i++) {
        judge_server(scan, &zone->servers[i]);
    }
}

void doctor_examine_cname(struct doctor *doctor)
{
    struct dns_zone *zone = malloc(sizeof *zone);
    struct scan *scan = calloc(1, sizeof *scan);
    if (zone == NULL || scan == NULL) {
        findings_add(doctor->findings, FINDING_PROBLEM, SUBJECT, NULL, "%s", txtd_error_text(TXTD_ENOMEM));
    } else {
        scan->doctor = doctor;
        examine(scan, zone);
    }
    free(scan);
    free(zone);
}
