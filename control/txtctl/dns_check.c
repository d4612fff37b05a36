#include "control/txtctl/dns_check.h"

#include <ldns/ldns.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define DNS_PORT 53
#define TRIES    2

int dns_check_split(const char *server, char host[DNS_CHECK_HOST_MAX], unsigned *port)
{
    const char *colon = strrchr(server, ':');
    const char *end = server + strlen(server);
    *port = DNS_PORT;
    if (server[0] == '[') {
        const char *bracket = strchr(server, ']');
        if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':')) {
            return TXTD_EINVAL;
        }
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
        server++;
        end = bracket;
    } else if (colon != NULL && strchr(server, ':') == colon) {
        end = colon;
    } else {
        colon = NULL; /* none, or a bare IPv6 address */
    }
    if (colon != NULL) {
        char *rest;
        unsigned long number = strtoul(colon + 1, &rest, 10);
        if (colon[1] < '0' || colon[1] > '9' || *rest != '\0' || number == 0 || number > 65535) {
            return TXTD_EINVAL;
        }
        *port = (unsigned)number;
    }
    size_t len = (size_t)(end - server);
    if (len == 0 || len >= DNS_CHECK_HOST_MAX) {
        return TXTD_EINVAL;
    }
    memcpy(host, server, len);
    host[len] = '\0';
    return 0;
}

/* A resolver that asks the first address of the host. */
static int make_resolver(const char *server, unsigned timeout_s, ldns_resolver **resolver, struct error_detail *detail)
{
    char host[DNS_CHECK_HOST_MAX];
    unsigned port;
    if (dns_check_split(server, host, &port) != 0) {
        return error_describe(detail, TXTD_EINVAL, "%s is no address of a server", server);
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error != 0) {
        return error_describe(detail, TXTD_ENOTFOUND, "%s: %s", host, gai_strerror(error));
    }
    uint16_t any_port;
    ldns_rdf *address =
        ldns_sockaddr_storage2rdf((const struct sockaddr_storage *)(const void *)found->ai_addr, &any_port);
    freeaddrinfo(found);
    *resolver = ldns_resolver_new();
    if (address == NULL || *resolver == NULL || ldns_resolver_push_nameserver(*resolver, address) != LDNS_STATUS_OK) {
        ldns_rdf_deep_free(address);
        ldns_resolver_deep_free(*resolver);
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    ldns_rdf_deep_free(address);
    ldns_resolver_set_port(*resolver, (uint16_t)port);
    ldns_resolver_set_recursive(*resolver, false);
    ldns_resolver_set_retry(*resolver, TRIES);
    ldns_resolver_set_timeout(*resolver, (struct timeval){.tv_sec = (time_t)(timeout_s + TRIES - 1) / TRIES});
    return 0;
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

static bool answer_has(const ldns_pkt *answer, const char *value)
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
    ldns_resolver *resolver = NULL;
    ldns_pkt *answer = NULL;
    *found = false;
    int result = make_resolver(server, timeout_s, &resolver, detail);
    if (result != 0) {
        return result;
    }
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    if (owner == NULL) {
        ldns_resolver_deep_free(resolver);
        return error_describe(detail, TXTD_EINVAL, "%s is no domain name", name);
    }
    ldns_status status = ldns_resolver_send(&answer, resolver, owner, LDNS_RR_TYPE_TXT, LDNS_RR_CLASS_IN, 0);
    if (status != LDNS_STATUS_OK || answer == NULL) {
        result =
            error_describe(detail, TXTD_ETIMEOUT, "%s does not answer: %s", server, ldns_get_errorstr_by_id(status));
    } else if (ldns_pkt_get_rcode(answer) == LDNS_RCODE_NOERROR || ldns_pkt_get_rcode(answer) == LDNS_RCODE_NXDOMAIN) {
        *found = answer_has(answer, value);
    } else {
        char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(answer));
        result =
            error_describe(detail, TXTD_ESYS, "%s answers %s for %s", server, rcode == NULL ? "an error" : rcode, name);
        free(rcode);
    }
    ldns_pkt_free(answer);
    ldns_rdf_deep_free(owner);
    ldns_resolver_deep_free(resolver);
    return result;
}
