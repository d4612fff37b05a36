#include "control/config_units.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Reads the digits that `text` begins with; *rest is what follows them. */
static int digits(const char *text, uint64_t *number, const char **rest)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            return TXTD_EINVAL;
        }
    }
    *number = value;
    *rest = at;
    return at == text ? TXTD_EINVAL : 0;
}

int config_parse_number(const char *text, uint64_t *number)
{
    uint64_t value;
    const char *rest;
    if (digits(text, &value, &rest) != 0 || *rest != '\0') {
        return TXTD_EINVAL;
    }
    *number = value;
    return 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static int parse_with_unit(const char *text, const struct unit *units, uint64_t *result)
{
    uint64_t value;
    const char *rest;
    if (digits(text, &value, &rest) != 0) {
        return TXTD_EINVAL;
    }
    while (*rest == ' ') {
        rest++;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(rest, units->name) == 0) {
            if (__builtin_mul_overflow(value, units->factor, &value)) {
                return TXTD_EINVAL;
            }
            *result = value;
            return 0;
        }
    }
    return TXTD_EINVAL;
}

int config_parse_duration(const char *text, uint64_t *ms)
{
    static const struct unit units[] = {{"", 1000},
                                        {"ms", 1},
                                        {"s", 1000},
                                        {"m", 60000},
                                        {"h", 60u * 60000},
                                        {"d", 1440u * 60000},
                                        {"w", 10080u * 60000},
                                        {NULL, 0}};
    return parse_with_unit(text, units, ms);
}

int config_parse_size(const char *text, uint64_t *octets)
{
    static const struct unit units[] = {
        {"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1ull << 40}, {NULL, 0}};
    return parse_with_unit(text, units, octets);
}

int config_parse_bool(const char *text, bool *truth)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (int value = 0; value < 2; value++) {
            if (strcasecmp(text, words[i][value]) == 0) {
                *truth = value == 1;
                return 0;
            }
        }
    }
    return TXTD_EINVAL;
}

/* Where the port begins: behind '@', behind "]:", or behind the only ':' (more than one are an IPv6 address). */
static const char *port_mark(const char *text)
{
    const char *at = strchr(text, '@');
    if (at != NULL) {
        return at;
    }
    const char *bracket = strchr(text, ']');
    if (bracket != NULL) {
        return bracket[1] == ':' ? bracket + 1 : NULL;
    }
    const char *colon = strchr(text, ':');
    return colon != NULL && strchr(colon + 1, ':') == NULL ? colon : NULL;
}

/* The host part, brackets taken off. */
static int parse_host(const char *text, size_t len, struct sockaddr_storage *address, socklen_t *address_len)
{
    char host[INET6_ADDRSTRLEN];
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    }
    if (len >= sizeof host) {
        return TXTD_EINVAL;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    memset(address, 0, sizeof *address);
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        *address_len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        *address_len = sizeof *v6;
        return 0;
    }
    return TXTD_EINVAL;
}

int config_parse_address(const char *text, uint16_t default_port, struct sockaddr_storage *address, socklen_t *len)
{
    struct sockaddr_storage parsed;
    socklen_t parsed_len;
    uint64_t port = default_port;
    const char *mark = port_mark(text);
    size_t host_len = mark == NULL ? strlen(text) : (size_t)(mark - text);
    if (mark != NULL && (config_parse_number(mark + 1, &port) != 0 || port > UINT16_MAX)) {
        return TXTD_EINVAL;
    }
    if (parse_host(text, host_len, &parsed, &parsed_len) != 0) {
        return TXTD_EINVAL;
    }
    if (parsed.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&parsed)->sin6_addr)) {
        return TXTD_EINVAL; /* IPv6 sockets of ours take IPv6 only */
    }
    if (parsed.ss_family == AF_INET) {
        ((struct sockaddr_in *)&parsed)->sin_port = htons((uint16_t)port);
    } else {
        ((struct sockaddr_in6 *)&parsed)->sin6_port = htons((uint16_t)port);
    }
    *address = parsed;
    *len = parsed_len;
    return 0;
}

static bool host_bits_zero(const uint8_t address[16], unsigned len)
{
    for (unsigned bit = len; bit < 128; bit++) {
        if ((address[bit / 8] & (0x80u >> (bit % 8))) != 0) {
            return false;
        }
    }
    return true;
}

int config_parse_prefix(const char *text, struct ip_prefix *prefix)
{
    const char *slash = strchr(text, '/');
    size_t host_len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct sockaddr_storage address;
    socklen_t address_len;
    if (parse_host(text, host_len, &address, &address_len) != 0) {
        return TXTD_EINVAL;
    }
    struct ip_prefix result;
    unsigned offset = 0;
    memset(&result, 0, sizeof result);
    if (address.ss_family == AF_INET) {
        offset = 96;
        result.address[10] = result.address[11] = 0xff;
        memcpy(result.address + 12, &((struct sockaddr_in *)&address)->sin_addr, 4);
    } else {
        memcpy(result.address, &((struct sockaddr_in6 *)&address)->sin6_addr, 16);
    }
    uint64_t len = 128 - offset;
    if (slash != NULL && (config_parse_number(slash + 1, &len) != 0 || len > 128 - offset)) {
        return TXTD_EINVAL;
    }
    result.len = (uint8_t)(len + offset);
    if (!host_bits_zero(result.address, result.len)) {
        return TXTD_EINVAL;
    }
    *prefix = result;
    return 0;
}

int config_parse_zone_name(const char *text, char name[CONFIG_NAME_SIZE])
{
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len >= CONFIG_NAME_SIZE) {
        return TXTD_EINVAL;
    }
    size_t label_len = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (label_len == 0) {
                return TXTD_EINVAL;
            }
            label_len = 0;
        } else if ((isalnum((unsigned char)text[i]) == 0 && text[i] != '-' && text[i] != '_') || ++label_len > 63) {
            return TXTD_EINVAL;
        }
        name[i] = (char)tolower((unsigned char)text[i]);
    }
    name[len] = '\0';
    return label_len == 0 ? TXTD_EINVAL : 0;
}

/* The value of a hexadecimal digit, or 16. */
static unsigned hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    int letter = tolower((unsigned char)digit);
    return letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10 : 16;
}

int config_parse_hex(const char *text, uint8_t *octets, size_t len)
{
    if (strlen(text) != 2 * len) {
        return TXTD_EINVAL;
    }
    for (size_t i = 0; i < 2 * len; i++) {
        if (hex_digit(text[i]) > 15) {
            return TXTD_EINVAL;
        }
    }
    for (size_t i = 0; i < len; i++) {
        octets[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    }
    return 0;
}
