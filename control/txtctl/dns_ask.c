#include "control/txtctl/dns_ask.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "control/txtctl/options.h"

#define DNS_PORT    53
#define TRIES       2
#define RESOLV_CONF "/etc/resolv.conf"
#define EDNS_SIZE   1232 /* what passes everywhere without fragments (DNS Flag Day 2020) */

struct dns_server {
    ldns_resolver *resolver;
    char name[DNS_ASK_HOST_MAX];
};

int dns_ask_split(const char *server, char host[DNS_ASK_HOST_MAX], unsigned *port)
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
        unsigned long number;
        if (options_number(colon + 1, 1, UINT16_MAX, &number) != 0) {
            return TXTD_EINVAL;
        }
        *port = (unsigned)number;
    }
    size_t len = (size_t)(end - server);
    if (len == 0 || len >= DNS_ASK_HOST_MAX) {
        return TXTD_EINVAL;
    }
    memcpy(host, server, len);
    host[len] = '\0';
    return 0;
}

/* A resolver that asks the first address of the host. */
static int resolver_of(const char *server, ldns_resolver **resolver, struct error_detail *detail)
{
    char host[DNS_ASK_HOST_MAX];
    unsigned port;
    if (dns_ask_split(server, host, &port) != 0) {
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
    return 0;
}

static int system_resolver(ldns_resolver **resolver, struct error_detail *detail)
{
    ldns_status status = ldns_resolver_new_frm_file(resolver, RESOLV_CONF);
    return status == LDNS_STATUS_OK
               ? 0
               : error_describe(detail, TXTD_ESYS, RESOLV_CONF ": %s", ldns_get_errorstr_by_id(status));
}

int dns_ask_open(const char *server, bool recursive, unsigned timeout_s, struct dns_server **made,
                 struct error_detail *detail)
{
    ldns_resolver *resolver = NULL;
    int rc = server == NULL ? system_resolver(&resolver, detail) : resolver_of(server, &resolver, detail);
    if (rc != 0) {
        return rc;
    }
    *made = calloc(1, sizeof **made);
    if (*made == NULL) {
        ldns_resolver_deep_free(resolver);
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    (void)strncpy((*made)->name, server == NULL ? "the resolver of " RESOLV_CONF : server, DNS_ASK_HOST_MAX - 1);
    (*made)->resolver = resolver;
    ldns_resolver_set_recursive(resolver, recursive);
    ldns_resolver_set_dnssec(resolver, true);
    ldns_resolver_set_edns_udp_size(resolver, EDNS_SIZE);
    ldns_resolver_set_retry(resolver, TRIES);
    ldns_resolver_set_timeout(resolver, (struct timeval){.tv_sec = (time_t)(timeout_s + TRIES - 1) / TRIES});
    return 0;
}

void dns_ask_close(struct dns_server *server)
{
    if (server != NULL) {
        ldns_resolver_deep_free(server->resolver);
        free(server);
    }
}

int dns_ask(struct dns_server *server, const char *name, ldns_rr_type type, bool unchecked, ldns_pkt **answer,
            struct error_detail *detail)
{
    *answer = NULL;
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    if (owner == NULL) {
        return error_describe(detail, TXTD_EINVAL, "%s is no domain name", name);
    }
    ldns_resolver_set_dnssec_cd(server->resolver, unchecked);
    ldns_status status = ldns_resolver_send(answer, server->resolver, owner, type, LDNS_RR_CLASS_IN,
                                            ldns_resolver_recursive(server->resolver) ? LDNS_RD : 0);
    ldns_rdf_deep_free(owner);
    if (status != LDNS_STATUS_OK || *answer == NULL) {
        return error_describe(detail, TXTD_ETIMEOUT, "%s does not answer: %s", server->name,
                              ldns_get_errorstr_by_id(status));
    }
    return 0;
}
