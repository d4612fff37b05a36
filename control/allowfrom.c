#include "control/allowfrom.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_LEN 96 /* bits of ::ffff:0:0/96 (RFC 4291 section 2.5.5.2) */

static const uint8_t mapped_prefix[MAPPED_LEN / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* One to three decimal digits, no sign, no space. Returns -1 for anything else. */
static int parse_prefix_len(const char *text, size_t len)
{
    int bits = 0;
    if (len == 0 || len > 3) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        bits = bits * 10 + (text[i] - '0');
    }
    return bits;
}

int allowfrom_parse(const char *text, size_t len, struct store_cidr *cidr)
{
    const char *slash = len == 0 ? NULL : memchr(text, '/', len);
    if (slash == NULL) {
        return TXTD_EINVAL;
    }
    size_t address_len = (size_t)(slash - text);
    int bits = parse_prefix_len(slash + 1, len - address_len - 1);
    if (address_len >= 2 && text[0] == '[' && text[address_len - 1] == ']') {
        text++;
        address_len -= 2;
    }
    char address[INET6_ADDRSTRLEN];
    if (bits < 0 || address_len >= sizeof address || memchr(text, '\0', address_len) != NULL) {
        return TXTD_EINVAL;
    }
    memcpy(address, text, address_len);
    address[address_len] = '\0';

    struct store_cidr parsed = {.is_ipv4 = strchr(address, ':') == NULL};
    if (parsed.is_ipv4) {
        if (bits > 32 || inet_pton(AF_INET, address, parsed.address + sizeof mapped_prefix) != 1) {
            return TXTD_EINVAL;
        }
        memcpy(parsed.address, mapped_prefix, sizeof mapped_prefix);
        bits += MAPPED_LEN;
    } else if (bits > 128 || inet_pton(AF_INET6, address, parsed.address) != 1) {
        return TXTD_EINVAL;
    }
    parsed.len = (uint8_t)bits;
    *cidr = parsed;
    return 0;
}

void allowfrom_format(const struct store_cidr *cidr, char text[ALLOWFROM_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    if (cidr->is_ipv4) {
        (void)inet_ntop(AF_INET, cidr->address + sizeof mapped_prefix, address, sizeof address);
    } else {
        (void)inet_ntop(AF_INET6, cidr->address, address, sizeof address);
    }
    (void)snprintf(text, ALLOWFROM_TEXT_MAX, "%s/%d", address, cidr->len - (cidr->is_ipv4 ? MAPPED_LEN : 0));
}

static bool prefix_holds(const struct store_cidr *cidr, const uint8_t address[16])
{
    unsigned octets = cidr->len / 8, bits = cidr->len % 8;
    if (memcmp(cidr->address, address, octets) != 0) {
        return false;
    }
    return bits == 0 || ((cidr->address[octets] ^ address[octets]) >> (8 - bits)) == 0;
}

bool allowfrom_match(const struct store_cidr cidrs[], unsigned count, const uint8_t address[16])
{
    bool is_ipv4 = memcmp(address, mapped_prefix, sizeof mapped_prefix) == 0;
    for (unsigned i = 0; i < count; i++) {
        if (is_ipv4 && cidrs[i].len < MAPPED_LEN) {
            continue;
        }
        if (prefix_holds(&cidrs[i], address)) {
            return true;
        }
    }
    return count == 0;
}
