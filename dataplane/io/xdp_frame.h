/* xdp_frame.h: the headers around a query that came as an Ethernet frame, and around its answer. Pure; any thread. */
#ifndef TXTD_DATAPLANE_IO_XDP_FRAME_H
#define TXTD_DATAPLANE_IO_XDP_FRAME_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

/* Octets of the longest headers: Ethernet with a VLAN tag, IPv6, UDP. */
#define XDP_HEADERS_MAX (14 + 4 + 40 + 8)

union xdp_client {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* What xdp_frame_parse found. Offsets are from the frame's start. */
struct xdp_frame {
    uint16_t network; /* of the IP header */
    uint16_t udp;     /* of the UDP header */
    uint16_t payload; /* of the DNS message */
    uint16_t payload_len;
    union xdp_client client;
};

/* Checks the headers of a frame that the XDP program let through, and finds the message in it. Refuses lengths that
 * contradict each other, and sources to which nothing may be sent (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.2, 2.5.3
 * and 2.7; port 0). Checksums of what came in are not looked at: the hardware has done that, or the sender's stack left
 * it to hardware that does not exist (veth). Returns 0 or TXTD_EINVAL. */
int xdp_frame_parse(const uint8_t *octets, size_t len, struct xdp_frame *frame);

/* Turns the headers round for an answer of `payload_len` octets that stands where the query was: addresses and ports
 * exchanged, the VLAN tag kept, lengths and checksums right. Returns the octets of the frame. */
size_t xdp_frame_reply(uint8_t *octets, const struct xdp_frame *frame, size_t payload_len);

#endif
