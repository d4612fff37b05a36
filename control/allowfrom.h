/* allowfrom.h: the prefixes from which an account's key is accepted: reading, writing, matching.
 *
 * Addresses are in IPv6 form, IPv4 as ::ffff:0:0/96. Host bits are kept as they were given and ignored in matching, as
 * acme-dns does: clients compare what they get back with what they sent. Pure.
 */
#ifndef TXTD_CONTROL_ALLOWFROM_H
#define TXTD_CONTROL_ALLOWFROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "storage/store.h"

#define ALLOWFROM_TEXT_MAX 52 /* "xxxx:...:255.255.255.255/128" and a NUL */

/* Reads `address/length`; brackets around the address are dropped ("[::1]/64"). A bare address is refused, as in acme-dns.
 * Returns 0 or TXTD_EINVAL. */
int allowfrom_parse(const char *text, size_t len, struct store_cidr *cidr);

/* Writes it back, without brackets, IPv6 as RFC 5952 has it. */
void allowfrom_format(const struct store_cidr *cidr, char text[ALLOWFROM_TEXT_MAX]);

/* Whether `address` lies in one of the prefixes, or there is none. An IPv6 prefix shorter than /96, "::/0" say, holds no IPv4
 * address. */
bool allowfrom_match(const struct store_cidr cidrs[], unsigned count, const uint8_t address[16]);

#endif
