#include "control/txtctl/dns_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 128

bool dns_name_text(const ldns_rdf *name, char text[DNS_NAME_TEXT_MAX])
{
    char *made = ldns_rdf2str(name);
    bool fits = made != NULL && strlen(made) < DNS_NAME_TEXT_MAX;
    if (fits) {
        memcpy(text, made, strlen(made) + 1);
    }
    free(made);
    return fits;
}

bool dns_name_parent(char text[DNS_NAME_TEXT_MAX])
{
    const char *at = text;
    if (strcmp(text, ".") == 0 || *text == '\0') {
        return false;
    }
    while (*at != '\0' && *at != '.') {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    at += *at == '.';
    if (*at == '\0') {
        memcpy(text, ".", sizeof ".");
    } else {
        memmove(text, at, strlen(at) + 1);
    }
    return true;
}

static bool answers_soa(const ldns_pkt *answer, const char *name)
{
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        char owner[DNS_NAME_TEXT_MAX];
        if (ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA && dns_name_text(ldns_rr_owner(record), owner) &&
            strcasecmp(owner, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Adds the addresses of one type that `name` has. A name without any is no error. */
static void add_addresses(struct dns_server *resolver, struct dns_zone *zone, const char *name, ldns_rr_type type)
{
    ldns_pkt *answer = NULL;
    struct error_detail detail;
    if (dns_ask(resolver, name, type, false, &answer, &detail) != 0) {
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
    int rc = dns_ask(resolver, zone->apex, LDNS_RR_TYPE_NS, false, &answer, detail);
    if (rc != 0) {
        return rc;
    }
    const ldns_rr_list *records = ldns_pkt_answer(answer);
    for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
        const ldns_rr *record = ldns_rr_list_rr(records, i);
        char name[DNS_NAME_TEXT_MAX];
        if (ldns_rr_get_type(record) == LDNS_RR_TYPE_NS && dns_name_text(ldns_rr_rdf(record, 0), name)) {
            zone->names_count++;
            add_addresses(resolver, zone, name, LDNS_RR_TYPE_A);
            add_addresses(resolver, zone, name, LDNS_RR_TYPE_AAAA);
        }
    }
    ldns_pkt_free(answer);
    return 0;
}

int dns_zone_find(struct dns_server *resolver, const char *name, struct dns_zone *zone, struct error_detail *detail)
{
    *zone = (struct dns_zone){0};
    if (snprintf(zone->apex, sizeof zone->apex, "%s", name) >= (int)sizeof zone->apex) {
        return error_describe(detail, TXTD_EINVAL, "%s is no domain name", name);
    }
    for (unsigned i = 0; i < LABELS_MAX; i++) {
        ldns_pkt *answer = NULL;
        int rc = dns_ask(resolver, zone->apex, LDNS_RR_TYPE_SOA, true, &answer, detail);
        if (rc != 0) {
            return rc;
        }
        bool found = answers_soa(answer, zone->apex);
        ldns_pkt_rcode rcode = ldns_pkt_get_rcode(answer);
        ldns_pkt_free(answer);
        if (found) {
            return add_servers(resolver, zone, detail);
        }
        if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
            char *text = ldns_pkt_rcode2str(rcode);
            rc = error_describe(detail, TXTD_ESYS, "the resolver answers %s for %s", text == NULL ? "an error" : text,
                                zone->apex);
            free(text);
            return rc;
        }
        if (!dns_name_parent(zone->apex)) {
            break;
        }
    }
    return error_describe(detail, TXTD_ENOTFOUND, "no zone was found for %s", name);
}
