#include <arpa/inet.h>
#include <string.h>

#include "control/http_internal.h"

#define ADDRESS_TEXT_MAX 64

void http_address_of(const struct sockaddr *from, uint8_t address[16])
{
    if (from->sa_family == AF_INET) {
        memset(address, 0, 10);
        address[10] = address[11] = 0xff;
        memcpy(address + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    } else {
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    }
}

void http_address_to(const uint8_t address[16], struct sockaddr_storage *to)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memset(to, 0, sizeof *to);
    if (memcmp(address, mapped, sizeof mapped) == 0) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
        ipv4->sin_family = AF_INET;
        memcpy(&ipv4->sin_addr, address + 12, 4);
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;
        ipv6->sin6_family = AF_INET6;
        memcpy(&ipv6->sin6_addr, address, 16);
    }
}

static bool prefix_has(const struct ip_prefix *prefix, const uint8_t address[16])
{
    unsigned whole = prefix->len / 8;
    unsigned rest = prefix->len % 8;
    if (memcmp(prefix->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((prefix->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool http_is_trusted(const struct http_server_settings *settings, const uint8_t address[16])
{
    for (unsigned i = 0; i < settings->trusted_proxies_count; i++) {
        if (prefix_has(&settings->trusted_proxies[i], address)) {
            return true;
        }
    }
    return false;
}

/* One entry of the list: an address, perhaps in brackets and with a port behind it. */
static bool parse_entry(const char *text, size_t len, uint8_t address[16])
{
    char copy[ADDRESS_TEXT_MAX];
    if (len == 0 || len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *host = copy;
    if (*host == '[') {
        host++;
        char *end = strchr(host, ']');
        if (end == NULL) {
            return false;
        }
        *end = '\0';
    } else if (strchr(host, '.') != NULL && strchr(host, ':') != NULL && strchr(host, ':') == strrchr(host, ':')) {
        *strchr(host, ':') = '\0';
    }
    struct in_addr ipv4;
    if (inet_pton(AF_INET, host, &ipv4) == 1) {
        const struct sockaddr_in mapped = {.sin_family = AF_INET, .sin_addr = ipv4};
        http_address_of((const struct sockaddr *)&mapped, address);
        return true;
    }
    return inet_pton(AF_INET6, host, address) == 1;
}

/* Goes through one header from right to left. Returns true when the client is settled. */
static bool walk_header(const struct http_server_settings *settings, struct http_text header, uint8_t client[16])
{
    size_t end = header.len;
    for (;;) {
        size_t start = end;
        while (start > 0 && header.data[start - 1] != ',') {
            start--;
        }
        size_t first = start;
        size_t last = end;
        while (first < last && (header.data[first] == ' ' || header.data[first] == '\t')) {
            first++;
        }
        while (last > first && (header.data[last - 1] == ' ' || header.data[last - 1] == '\t')) {
            last--;
        }
        uint8_t entry[16];
        if (!parse_entry(header.data + first, last - first, entry)) {
            return true; /* nobody we trust vouches for anything beyond this */
        }
        memcpy(client, entry, sizeof entry);
        if (!http_is_trusted(settings, entry)) {
            return true;
        }
        if (start == 0) {
            return false;
        }
        end = start - 1;
    }
}

void http_client_address(const struct http_server_settings *settings, const uint8_t peer[16],
                         const struct http_text forwarded[], unsigned forwarded_count, uint8_t client[16])
{
    memcpy(client, peer, 16);
    if (!http_is_trusted(settings, peer)) {
        return;
    }
    for (unsigned i = forwarded_count; i > 0; i--) {
        if (walk_header(settings, forwarded[i - 1], client)) {
            return;
        }
    }
}
