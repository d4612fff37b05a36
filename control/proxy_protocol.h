/* proxy_protocol.h: the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt). Pure. */
#ifndef TXTD_CONTROL_PROXY_PROTOCOL_H
#define TXTD_CONTROL_PROXY_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

#define PROXY_PROTOCOL_MAX 536 /* octets looked at: version 2 with room for extensions */

/* Reads the header at the start of a connection. Returns its octets and sets `address` (IPv6, IPv4-mapped for IPv4) unless the
 * proxy says LOCAL or UNKNOWN (then it is left alone); 0 when more octets are needed; TXTD_EINVAL when it is none. */
int proxy_protocol_parse(const uint8_t *data, size_t len, uint8_t address[16]);

#endif
