#include "control/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V1_MAX 107 /* octets of a version 1 line, its end included */

static const uint8_t v2_signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static void map_ipv4(const uint8_t ipv4[4], uint8_t address[16])
{
    memset(address, 0, 10);
    address[10] = address[11] = 0xff;
    memcpy(address + 12, ipv4, 4);
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
    char source[46], target[46];
    unsigned source_port, target_port;
    char rest;
    uint8_t ipv4[4];
    if (sscanf(line, "PROXY TCP4 %15[0-9.] %15[0-9.] %5u %5u%c", source, target, &source_port, &target_port, &rest) ==
            4 &&
        inet_pton(AF_INET, source, ipv4) == 1) {
        map_ipv4(ipv4, address);
        return (int)line_len + 1;
    }
    if (sscanf(line, "PROXY TCP6 %45[0-9a-fA-F:.] %45[0-9a-fA-F:.] %5u %5u%c", source, target, &source_port,
               &target_port, &rest) == 4 &&
        inet_pton(AF_INET6, source, address) == 1) {
        return (int)line_len + 1;
    }
    return TXTD_EINVAL;
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
