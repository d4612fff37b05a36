#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "control/config_parts.h"
#include "control/config_units.h"

/* A list of addresses as it stands in the file, or its default. */
struct addresses {
    const char *path;
    const char *const *items;
    unsigned count;
    uint16_t default_port;
};

static uint16_t port_of(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port
                                               : ((const struct sockaddr_in6 *)address)->sin6_port);
}

static int read_address(const struct config_reader *reader, const struct addresses *list, unsigned index,
                        struct sockaddr_storage *address, socklen_t *len)
{
    char path[80];
    (void)snprintf(path, sizeof path, "%s[%u]", list->path, index);
    if (config_parse_address(list->items[index], list->default_port, address, len) != 0) {
        return config_refuse(reader, path, "\"%.80s\" is not an address such as 127.0.0.1:%u or [::1]:%u",
                             list->items[index], list->default_port, list->default_port);
    }
    return 0;
}

static bool same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    return memcmp(one, other, sizeof *one) == 0; /* all of it was zeroed before it was filled */
}

static bool is_wildcard(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET
               ? ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY)
               : memcmp(&((const struct sockaddr_in6 *)address)->sin6_addr, &in6addr_any, sizeof in6addr_any) == 0;
}

/* Sockets share ports among the workers (SO_REUSEPORT), so a second bind of the same address would go unnoticed, and one of
 * an address beside the wildcard would be said to be another program's. */
static int refuse_twice(const struct config_reader *reader, const struct addresses *list, unsigned index,
                        const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    bool overlap = one->ss_family == other->ss_family && port_of(one) == port_of(other) &&
                   (is_wildcard(one) || is_wildcard(other));
    if (port_of(one) == 0 || (!same_address(one, other) && !overlap)) {
        return 0;
    }
    char path[80];
    (void)snprintf(path, sizeof path, "%s[%u]", list->path, index);
    return config_refuse(reader, path, "%.80s is listened on already", list->items[index]);
}

static int read_dns(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    static const char *const everywhere[] = {"0.0.0.0:53", "[::]:53"};
    struct addresses list = {"dns.listen", raw->dns.listen, raw->dns.listen_count, 53};
    struct dns_server_settings *dns = &config->dns;
    if (!config_document_has(reader->document, list.path)) {
        list.items = everywhere;
        list.count = 2;
    }
    if (list.count == 0) {
        return config_refuse(reader, list.path, "no address is given; DNS needs at least one");
    }
    for (unsigned i = 0; i < list.count; i++) {
        struct dns_address *address = &dns->addresses[i];
        int rc = read_address(reader, &list, i, &address->address, &address->address_len);
        for (unsigned j = 0; rc == 0 && j < i; j++) {
            rc = refuse_twice(reader, &list, i, &address->address, &dns->addresses[j].address);
        }
        if (rc != 0) {
            return rc;
        }
    }
    dns->addresses_count = list.count;
    return 0;
}

static int read_listeners(const struct config_reader *reader, const struct addresses *list, bool tls,
                          bool proxy_protocol, enum config_site site, struct config *config)
{
    struct http_server_settings *http = &config->http;
    for (unsigned i = 0; i < list->count; i++) {
        if (http->listeners_count == HTTP_LISTENERS_MAX) {
            return config_refuse(reader, list->path, "the API has more than %d addresses in all", HTTP_LISTENERS_MAX);
        }
        struct http_listener *listener = &http->listeners[http->listeners_count];
        int rc = read_address(reader, list, i, &listener->address, &listener->address_len);
        for (unsigned j = 0; rc == 0 && j < http->listeners_count; j++) {
            rc = refuse_twice(reader, list, i, &listener->address, &http->listeners[j].address);
        }
        for (unsigned j = 0; rc == 0 && j < config->dns.addresses_count; j++) { /* DNS listens by TCP too */
            rc = refuse_twice(reader, list, i, &listener->address, &config->dns.addresses[j].address);
        }
        if (rc != 0) {
            return rc;
        }
        listener->tls = tls;
        listener->proxy_protocol = proxy_protocol;
        listener->site = site;
        listener->reserved = site == CONFIG_SITE_INTERNAL;
        http->listeners_count++;
    }
    return 0;
}

static int read_api(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    static const char *const everywhere[] = {"0.0.0.0:443", "[::]:443"};
    const struct config_raw_api *api = &raw->api;
    struct addresses plain = {"api.listen", api->listen, api->listen_count, 443};
    struct addresses proxied = {"api.listen_proxy_protocol", api->listen_proxy_protocol,
                                api->listen_proxy_protocol_count, 443};
    struct addresses internal = {"api.internal_listen", api->internal_listen, api->internal_listen_count, 80};
    if (!config_document_has(reader->document, plain.path) && proxied.count == 0) {
        plain.items = everywhere;
        plain.count = 2;
    }
    if (plain.count + proxied.count == 0) {
        return config_refuse(reader, plain.path, "no address is given; the API needs at least one");
    }
    if (proxied.count > 0 && api->trusted_proxies_count == 0) {
        return config_refuse(reader, proxied.path, "needs api.trusted_proxies: a PROXY header is taken from them only");
    }
    int rc = read_listeners(reader, &plain, true, false, CONFIG_SITE_PUBLIC, config);
    if (rc == 0) {
        rc = read_listeners(reader, &proxied, true, true, CONFIG_SITE_PUBLIC, config);
    }
    if (rc == 0) {
        rc = read_listeners(reader, &internal, false, false, CONFIG_SITE_INTERNAL, config);
    }
    return rc;
}

static int read_proxies(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    for (unsigned i = 0; i < raw->api.trusted_proxies_count; i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "api.trusted_proxies[%u]", i);
        if (config_parse_prefix(raw->api.trusted_proxies[i], &config->http.trusted_proxies[i]) != 0) {
            return config_refuse(reader, path, "\"%.80s\" is not a prefix such as 192.0.2.0/24 or 2001:db8::/32",
                                 raw->api.trusted_proxies[i]);
        }
    }
    config->http.trusted_proxies_count = raw->api.trusted_proxies_count;
    return 0;
}

static int read_public_url(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    static const char scheme[] = "https://";
    const char *given = raw->api.public_url;
    uint16_t port = port_of(&config->http.listeners[0].address);
    char *url;
    if (given == NULL) {
        url = port == 443 || port == 0 ? config_text(reader->memory, "https://%s", config->zones[0].name)
                                       : config_text(reader->memory, "https://%s:%u", config->zones[0].name, port);
        config->api.public_url = url;
        return url == NULL ? config_no_memory(reader) : 0;
    }
    if (strncmp(given, scheme, sizeof scheme - 1) != 0 || given[sizeof scheme - 1] == '\0' ||
        strpbrk(given, " \"\\<>?#") != NULL || strlen(given) > 1000) {
        return config_refuse(reader, "api.public_url", "\"%.80s\" is not a URL such as https://auth.example.org",
                             given);
    }
    url = config_text(reader->memory, "%s", given);
    if (url == NULL) {
        return config_no_memory(reader);
    }
    for (size_t len = strlen(url); url[len - 1] == '/'; len--) {
        url[len - 1] = '\0';
    }
    config->api.public_url = url;
    return 0;
}

static int read_origins(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    for (unsigned i = 0; i < raw->api.cors_origins_count; i++) {
        const char *origin = raw->api.cors_origins[i];
        const char *host = strstr(origin, "://");
        bool is_origin = host != NULL && host[3] != '\0' && strpbrk(host + 3, "/ ?#@") == NULL;
        if (!is_origin && strcmp(origin, "*") != 0) {
            char path[80];
            (void)snprintf(path, sizeof path, "api.cors_origins[%u]", i);
            return config_refuse(reader, path,
                                 "\"%.80s\" is neither an origin such as https://www.example.org nor \"*\"", origin);
        }
    }
    config->api.cors_origins = raw->api.cors_origins;
    config->api.cors_origins_count = raw->api.cors_origins_count;
    return 0;
}

int config_read_listen(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    int (*const steps[])(const struct config_reader *, const struct config_raw *,
                         struct config *) = {read_dns, read_api, read_proxies, read_public_url, read_origins};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int rc = steps[i](reader, raw, config);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static bool same_dns(const struct dns_server_settings *one, const struct dns_server_settings *other)
{
    bool same = one->addresses_count == other->addresses_count;
    for (unsigned i = 0; same && i < one->addresses_count; i++) {
        same = same_address(&one->addresses[i].address, &other->addresses[i].address);
    }
    return same;
}

static bool same_api(const struct http_server_settings *one, const struct http_server_settings *other)
{
    bool same = one->listeners_count == other->listeners_count;
    for (unsigned i = 0; same && i < one->listeners_count; i++) {
        const struct http_listener *a = &one->listeners[i], *b = &other->listeners[i];
        same = same_address(&a->address, &b->address) && a->tls == b->tls && a->proxy_protocol == b->proxy_protocol &&
               a->site == b->site;
    }
    return same;
}

static bool same_proxies(const struct http_server_settings *one, const struct http_server_settings *other)
{
    return one->trusted_proxies_count == other->trusted_proxies_count &&
           memcmp(one->trusted_proxies, other->trusted_proxies, sizeof one->trusted_proxies) == 0;
}

unsigned config_listen_differs(const struct config *one, const struct config *other, const char *names[], unsigned max)
{
    const struct {
        const char *name;
        bool same;
    } lists[] = {
        {"dns.listen", same_dns(&one->dns, &other->dns)},
        {"dns.xdp", !config_xdp_differs(one, other)},
        {"api.listen", same_api(&one->http, &other->http)},
        {"api.trusted_proxies", same_proxies(&one->http, &other->http)},
    };
    unsigned count = 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && count < max; i++) {
        if (!lists[i].same) {
            names[count++] = lists[i].name;
        }
    }
    return count;
}
