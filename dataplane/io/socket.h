/* socket.h: sockets bound as a DNS server needs them. Start-up thread. */
#ifndef TXTD_DATAPLANE_IO_SOCKET_H
#define TXTD_DATAPLANE_IO_SOCKET_H

#include <stdbool.h>

#include "dataplane/io/server.h"

#define SOCKET_WAKE_MS 200 /* a blocking receive returns at least so often, so that its thread sees the stop flag */

/* A UDP socket in the address's SO_REUSEPORT group: no path-MTU discovery and so no ICMP-driven fragments (RFC 9715 section 3.1), for a
 * wildcard address with the destination address of each packet told. Blocking, with a receive time-out of SOCKET_WAKE_MS.
 * Returns the descriptor, or TXTD_ESYS with `detail`. */
int socket_udp(const struct dns_address *address, unsigned receive_buffer, struct error_detail *detail);

/* A listening TCP socket, not blocking. */
int socket_tcp(const struct dns_address *address, struct error_detail *detail);

/* Fills in the port that the kernel gave. */
int socket_address(int fd, struct dns_address *address);

/* Whether the socket is of this type (SOCK_STREAM: and listens) and bound to this address; its port may be any if the address
 * has none. Returns 0 or TXTD_EINVAL. */
int socket_serves(int fd, int type, const struct dns_address *address);

/* Describes errno for a socket that could not serve `address` (`kind` is "UDP" and the like, `key` the configuration's name for
 * it), and closes `fd` if there is one. Returns TXTD_ESYS. */
int socket_describe_failure(int fd, const struct dns_address *address, const char *kind, const char *key,
                            struct error_detail *detail);

bool socket_is_wildcard(const struct dns_address *address);

/* Lets packets of the group be received by the socket whose position equals the receiving CPU's number among `count`
 * (SO_ATTACH_REUSEPORT_CBPF on any member). Returns 0 or TXTD_ESYS; without it the kernel spreads by flow hash. */
int socket_steer_by_cpu(int fd, unsigned count);

#endif
