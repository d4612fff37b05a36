/* config_units.h: the small texts of a configuration: numbers, durations, sizes, addresses, prefixes, names, hexadecimal.
 *
 * Pure functions over one value. Each returns 0 or TXTD_EINVAL and writes its result only on success; the sentence about
 * what would have been right is the caller's. Any thread.
 */
#ifndef TXTD_CONTROL_CONFIG_UNITS_H
#define TXTD_CONTROL_CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "control/http_server.h"
#include "dataplane/error.h"

/* Decimal digits only. */
int config_parse_number(const char *text, uint64_t *number);

/* "500ms", "30s", "5m", "2h", "1d", "1w"; a bare number is in seconds. Result in milliseconds. */
int config_parse_duration(const char *text, uint64_t *ms);

/* "16KiB", "512MiB", "10GiB", "1TiB", "100B"; a bare number is in octets. */
int config_parse_size(const char *text, uint64_t *octets);

/* true, yes, on; false, no, off. */
int config_parse_bool(const char *text, bool *truth);

/* "127.0.0.1:5353", "127.0.0.1@5353", "127.0.0.1", "[::1]:5353", "[::1]@5353", "::1@5353", "[::]", "::". An IPv6 address
 * whose port stands behind a colon needs its brackets: "::1:5353" is an address. */
int config_parse_address(const char *text, uint16_t default_port, struct sockaddr_storage *address, socklen_t *len);

/* "192.0.2.0/24", "2001:db8::/32"; a bare address is a prefix of full length. Host bits must be zero. */
int config_parse_prefix(const char *text, struct ip_prefix *prefix);

/* A zone's name: labels of letters, digits, '-' and '_' (RFC 1035 section 2.3.1, RFC 2181 section 11), not the root; a final
 * dot is dropped, capitals become small. `name` has room for 254 octets. */
#define CONFIG_NAME_SIZE 254
int config_parse_zone_name(const char *text, char name[CONFIG_NAME_SIZE]);

/* Exactly `len` octets as 2 * len hexadecimal digits. */
int config_parse_hex(const char *text, uint8_t *octets, size_t len);

#endif
