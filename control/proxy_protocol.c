#include "control/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define V1_MAX      107 /* octets of a version 1 line, its end included */
#define V1_FIELDS   6   /* PROXY, family, two addresses, two ports */
#define V1_PORT_LEN 5

static const uint8_t v2_signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static void map_ipv4(const uint8_t ipv4[4], uint8_t address[16])
{
    memset(address, 0, 10);
    address[10] = address[11] = 0xff;
    memcpy(address + 12, ipv4, 4);
}

/* A port as the specification has it: digits without a zero in front, at most 65535. */
static bool is_port(const char *text)
{
    unsigned long port = 0;
    size_t len = strspn(text, "0123456789");
    for (size_t i = 0; i < len && i < V1_PORT_LEN; i++) {
        port = port * 10 + (unsigned long)(text[i] - '0');
    }
    return len > 0 && len <= V1_PORT_LEN && text[len] == '\0' && (text[0] != '0' || len == 1) && port <= 65535;
}

/* Exactly one blank between two fields. Splits `line` in place. */
static int parse_v1_fields(char *line, uint8_t address[16])
{
    char *fields[V1_FIELDS + 1] = {line};
    unsigned count = 1;
    for (char *blank; count <= V1_FIELDS && (blank = strchr(fields[count - 1], ' ')) != NULL; count++) {
        *blank = '\0';
        fields[count] = blank + 1;
    }
    uint8_t source[16], target[16];
    bool is_ipv4 = count == V1_FIELDS && strcmp(fields[1], "TCP4") == 0;
    bool is_ipv6 = count == V1_FIELDS && strcmp(fields[1], "TCP6") == 0;
    int family = is_ipv4 ? AF_INET : AF_INET6;
    if ((!is_ipv4 && !is_ipv6) || inet_pton(family, fields[2], source) != 1 ||
        inet_pton(family, fields[3], target) != 1 || !is_port(fields[4]) || !is_port(fields[5])) {
        return TXTD_EINVAL;
    }
    if (is_ipv4) {
        map_ipv4(source, address);
    } else {
        memcpy(address, source, sizeof source);
    }
    return 0;
}

static int parse_v1(const uint8_t *data, size_t len, uint8_t address[16])
{
    size_t searched = len < V1_MAX ? len : V1_MAX;
    const uint8_t *end = memchr(data, '\n', searched);
    if (end == NULL) {
        return len >= V1_MAX ? TXTD_EINVAL : 0;
    }
    size_t line_len = (size_t)(end - data);
    char line[V1_MAX + 1];
    memcpy(line, data, line_len);
    line[line_len] = '\0';
    if (line_len == 0 || line[line_len - 1] != '\r' || strlen(line) != line_len) {
        return TXTD_EINVAL;
    }
    line[line_len - 1] = '\0';
    if (strcmp(line, "PROXY UNKNOWN") == 0 || strncmp(line, "PROXY UNKNOWN ", 14) == 0) {
        return (int)line_len + 1;
    }
    return parse_v1_fields(line, address) == 0 ? (int)line_len + 1 : TXTD_EINVAL;
}

static int parse_v2(const uint8_t *data, size_t len, uint8_t address[16])
{
    if (len < 16) {
        return 0;
    }
    size_t total = 16 + ((size_t)data[14] << 8 | data[15]);
    unsigned command = data[12];
    unsigned family = data[13] >> 4;
    if (command >> 4 != 2 || (command & 15) > 1 || total > PROXY_PROTOCOL_MAX) {
        return TXTD_EINVAL;
    }
    if (len < total) {
        return 0;
    }
    if ((command & 15) == 1 && family == 1) {
        if (total < 16 + 12) {
            return TXTD_EINVAL;
        }
        map_ipv4(data + 16, address);
    } else if ((command & 15) == 1 && family == 2) {
        if (total < 16 + 36) {
            return TXTD_EINVAL;
        }
        memcpy(address, data + 16, 16);
    }
    return (int)total;
}

int proxy_protocol_parse(const uint8_t *data, size_t len, uint8_t address[16])
{
    size_t some = len < sizeof v2_signature ? len : sizeof v2_signature;
    if (len > 0 && memcmp(data, v2_signature, some) == 0) {
        return len < sizeof v2_signature ? 0 : parse_v2(data, len, address);
    }
    some = len < 6 ? len : 6;
    if (memcmp(data, "PROXY ", some) != 0) {
        return TXTD_EINVAL;
    }
    return parse_v1(data, len, address);
}
