#include "control/txtctl/dns_zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/dns_answer.h"

#define LABELS_MAX 128

/* Adds the addresses of one type that `name` has. A name without any is no error. */
static void add_addresses(struct dns_server *resolver, struct dns_zone *zone, const char *name, ldns_rr_type type)
{
    ldns_pkt *answer = NULL;
    struct error_detail detail;
    if (dns_ask(resolver, name, type, true, &answer, &detail) != 0) {
        return;
    }
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records) && zone->servers_count < DNS_ZONE_SERVERS_MAX; i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        char *address = ldns_rr_get_type(record) == type ? ldns_rdf2str(ldns_rr_rdf(record, 0)) : NULL;
        if (address != NULL && strlen(address) < DNS_ADDRESS_TEXT_MAX) {
            struct dns_zone_server *server = &zone->servers[zone->servers_count++];
            memcpy(server->address, address, strlen(address) + 1);
            (void)snprintf(server->name, sizeof server->name, "%s", name);
        }
        free(address);
    }
    ldns_pkt_free(answer);
}

static int add_servers(struct dns_server *resolver, struct dns_zone *zone, struct error_detail *detail)
{
    ldns_pkt *answer = NULL;
    int rc = dns_ask(resolver, zone->apex, LDNS_RR_TYPE_NS, true, &answer, detail);
    if (rc != 0) {
        return rc;
    }
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        char name[DNS_NAME_TEXT_MAX];
        if (ldns_rr_get_type(record) == LDNS_RR_TYPE_NS && dns_name_text(ldns_rr_rdf(record, 0), name)) {
            add_addresses(resolver, zone, name, LDNS_RR_TYPE_A);
            add_addresses(resolver, zone, name, LDNS_RR_TYPE_AAAA);
        }
    }
    ldns_pkt_free(answer);
    return 0;
}

/* A name with a CNAME is no apex; and the resolver shall not follow it, which may lead nowhere. */
static int skip_cname(struct dns_server *resolver, struct dns_zone *zone, struct error_detail *detail)
{
    ldns_pkt *answer = NULL;
    int rc = dns_ask(resolver, zone->apex, LDNS_RR_TYPE_CNAME, true, &answer, detail);
    if (rc == 0 && dns_answer_find(ldns_pkt_answer(answer), LDNS_RR_TYPE_CNAME, zone->apex) != NULL) {
        (void)dns_name_parent(zone->apex);
    }
    ldns_pkt_free(answer);
    return rc;
}

int dns_zone_find(struct dns_server *resolver, const char *name, struct dns_zone *zone, struct error_detail *detail)
{
    *zone = (struct dns_zone){0};
    if (snprintf(zone->apex, sizeof zone->apex, "%s", name) >= (int)sizeof zone->apex) {
        return error_describe(detail, TXTD_EINVAL, "%s is no domain name", name);
    }
    int rc = skip_cname(resolver, zone, detail);
    if (rc != 0) {
        return rc;
    }
    for (unsigned i = 0; i < LABELS_MAX; i++) {
        ldns_pkt *answer = NULL;
        rc = dns_ask(resolver, zone->apex, LDNS_RR_TYPE_SOA, true, &answer, detail);
        if (rc != 0) {
            return rc;
        }
        bool found = dns_answer_find(ldns_pkt_answer(answer), LDNS_RR_TYPE_SOA, zone->apex) != NULL;
        rc = dns_answer_check(answer, "the resolver", zone->apex, detail);
        ldns_pkt_free(answer);
        if (found || rc != 0) {
            return found ? add_servers(resolver, zone, detail) : rc;
        }
        if (!dns_name_parent(zone->apex)) {
            break;
        }
    }
    return error_describe(detail, TXTD_ENOTFOUND, "no zone was found for %s", name);
}
