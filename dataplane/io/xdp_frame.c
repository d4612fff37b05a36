#include "dataplane/io/xdp_frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <string.h>

#define VLAN_TAG_LEN  4
#define HOP_LIMIT     64
#define DONT_FRAGMENT 0x4000

/* --- A query's headers --- */

/* Frames are not aligned for IP headers: everything is copied out and in. */
static uint16_t load_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void store_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Whether an IPv4 source can be answered: not this network, loopback, multicast or broadcast (RFC 1122 section 3.2.1.3). */
static bool ipv4_can_be_answered(const uint8_t source[4])
{
    return source[0] != 0 && source[0] != 127 && source[0] < 240 && (source[0] & 0xf0) != 0xe0;
}

/* Likewise: not multicast, unspecified or loopback (RFC 4291 section 2.7, 2.5.2, 2.5.3). */
static bool ipv6_can_be_answered(const struct in6_addr *source)
{
    return !IN6_IS_ADDR_MULTICAST(source) && !IN6_IS_ADDR_UNSPECIFIED(source) && !IN6_IS_ADDR_LOOPBACK(source);
}

/* `available`: octets from the UDP header to the end of the IP datagram. */
static int parse_udp(const uint8_t *octets, size_t available, struct xdp_frame *frame, in_port_t *client_port)
{
    if (available < sizeof(struct udphdr)) {
        return TXTD_EINVAL;
    }
    const uint8_t *udp = octets + frame->udp;
    uint16_t len = load_u16(udp + offsetof(struct udphdr, len));
    if (len < sizeof(struct udphdr) || len > available) {
        return TXTD_EINVAL;
    }
    memcpy(client_port, udp + offsetof(struct udphdr, source), sizeof *client_port);
    frame->payload = (uint16_t)(frame->udp + sizeof(struct udphdr));
    frame->payload_len = (uint16_t)(len - sizeof(struct udphdr));
    return *client_port != 0 ? 0 : TXTD_EINVAL;
}

static int parse_ipv4(const uint8_t *octets, size_t available, struct xdp_frame *frame)
{
    const uint8_t *ip = octets + frame->network;
    if (available < sizeof(struct iphdr) || ip[0] != 0x45) {
        return TXTD_EINVAL;
    }
    uint16_t len = load_u16(ip + offsetof(struct iphdr, tot_len));
    if (len < sizeof(struct iphdr) || len > available) { /* less is well: Ethernet pads */
        return TXTD_EINVAL;
    }
    const uint8_t *source = ip + offsetof(struct iphdr, saddr);
    frame->udp = (uint16_t)(frame->network + sizeof(struct iphdr));
    frame->client.in = (struct sockaddr_in){.sin_family = AF_INET};
    memcpy(&frame->client.in.sin_addr, source, sizeof frame->client.in.sin_addr);
    int rc = parse_udp(octets, len - sizeof(struct iphdr), frame, &frame->client.in.sin_port);
    return rc == 0 && !ipv4_can_be_answered(source) ? TXTD_EINVAL : rc;
}

static int parse_ipv6(const uint8_t *octets, size_t available, struct xdp_frame *frame)
{
    const uint8_t *ip = octets + frame->network;
    if (available < sizeof(struct ipv6hdr) || ip[0] >> 4 != 6) {
        return TXTD_EINVAL;
    }
    uint16_t len = load_u16(ip + offsetof(struct ipv6hdr, payload_len));
    if (len > available - sizeof(struct ipv6hdr)) {
        return TXTD_EINVAL;
    }
    frame->udp = (uint16_t)(frame->network + sizeof(struct ipv6hdr));
    frame->client.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
    memcpy(&frame->client.in6.sin6_addr, ip + offsetof(struct ipv6hdr, saddr), sizeof frame->client.in6.sin6_addr);
    int rc = parse_udp(octets, len, frame, &frame->client.in6.sin6_port);
    return rc == 0 && !ipv6_can_be_answered(&frame->client.in6.sin6_addr) ? TXTD_EINVAL : rc;
}

int xdp_frame_parse(const uint8_t *octets, size_t len, struct xdp_frame *frame)
{
    if (len < ETH_HLEN + VLAN_TAG_LEN || (octets[ETH_ALEN] & 1) != 0) { /* nobody sends from a group address */
        return TXTD_EINVAL;
    }
    uint16_t ethertype = load_u16(octets + offsetof(struct ethhdr, h_proto));
    frame->network = ETH_HLEN;
    if (ethertype == ETH_P_8021Q) {
        ethertype = load_u16(octets + ETH_HLEN + 2);
        frame->network += VLAN_TAG_LEN;
    }
    switch (ethertype) {
    case ETH_P_IP: return parse_ipv4(octets, len - frame->network, frame);
    case ETH_P_IPV6: return parse_ipv6(octets, len - frame->network, frame);
    default: return TXTD_EINVAL;
    }
}

/* --- An answer's headers --- */

/* Adds octets to a one's complement sum, 16 bits at a time as they stand in memory (RFC 1071 section 2 (B)): the sum is in
 * memory order too. `len` is odd at most in the last part. */
static uint64_t checksum_add(uint64_t sum, const uint8_t *octets, size_t len)
{
    for (; len >= 4; octets += 4, len -= 4) {
        uint32_t word;
        memcpy(&word, octets, sizeof word);
        sum += word;
    }
    uint32_t rest = 0;
    memcpy(&rest, octets, len);
    return sum + rest;
}

/* Folds the sum to its 16-bit complement, in memory order. */
static uint16_t checksum_finish(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void swap_octets(uint8_t *a, uint8_t *b, size_t len)
{
    uint8_t kept[16];
    memcpy(kept, a, len);
    memcpy(a, b, len);
    memcpy(b, kept, len);
}

/* The UDP header; `sum` is that of the pseudo header's addresses (RFC 768, RFC 8200 section 8.1). */
static void reply_udp(uint8_t *udp, size_t len, uint64_t sum)
{
    swap_octets(udp + offsetof(struct udphdr, source), udp + offsetof(struct udphdr, dest), sizeof(uint16_t));
    store_u16(udp + offsetof(struct udphdr, len), (uint16_t)len);
    store_u16(udp + offsetof(struct udphdr, check), 0);
    sum += htons(IPPROTO_UDP);
    sum += htons((uint16_t)len);
    uint16_t check = checksum_finish(checksum_add(sum, udp, len));
    if (check == 0) {
        check = 0xffff; /* 0 would say that there is none (RFC 768), which IPv6 forbids (RFC 8200 section 8.1) */
    }
    memcpy(udp + offsetof(struct udphdr, check), &check, sizeof check);
}

static void reply_ipv4(uint8_t *octets, const struct xdp_frame *frame, size_t udp_len)
{
    uint8_t *ip = octets + frame->network;
    uint8_t *source = ip + offsetof(struct iphdr, saddr);
    uint8_t *destination = ip + offsetof(struct iphdr, daddr);
    swap_octets(source, destination, 4);
    ip[offsetof(struct iphdr, tos)] = 0;
    store_u16(ip + offsetof(struct iphdr, tot_len), (uint16_t)(sizeof(struct iphdr) + udp_len));
    store_u16(ip + offsetof(struct iphdr, id), 0); /* of no meaning in an atomic datagram (RFC 6864 section 4.1) */
    store_u16(ip + offsetof(struct iphdr, frag_off), DONT_FRAGMENT); /* RFC 9715 section 3.1, R2 */
    ip[offsetof(struct iphdr, ttl)] = HOP_LIMIT;
    store_u16(ip + offsetof(struct iphdr, check), 0);
    uint16_t check = checksum_finish(checksum_add(0, ip, sizeof(struct iphdr)));
    memcpy(ip + offsetof(struct iphdr, check), &check, sizeof check);
    reply_udp(octets + frame->udp, udp_len, checksum_add(0, source, 2 * 4));
}

static void reply_ipv6(uint8_t *octets, const struct xdp_frame *frame, size_t udp_len)
{
    uint8_t *ip = octets + frame->network;
    uint8_t *source = ip + offsetof(struct ipv6hdr, saddr);
    uint8_t *destination = ip + offsetof(struct ipv6hdr, daddr);
    static const uint8_t start[4] = {0x60, 0, 0, 0}; /* version 6, no traffic class, no flow label */
    memcpy(ip, start, sizeof start);
    swap_octets(source, destination, 16);
    store_u16(ip + offsetof(struct ipv6hdr, payload_len), (uint16_t)udp_len);
    ip[offsetof(struct ipv6hdr, hop_limit)] = HOP_LIMIT;
    reply_udp(octets + frame->udp, udp_len, checksum_add(0, source, 2 * 16));
}

size_t xdp_frame_reply(uint8_t *octets, const struct xdp_frame *frame, size_t payload_len)
{
    size_t udp_len = sizeof(struct udphdr) + payload_len;
    swap_octets(octets + offsetof(struct ethhdr, h_dest), octets + offsetof(struct ethhdr, h_source), ETH_ALEN);
    if (frame->client.any.sa_family == AF_INET) {
        reply_ipv4(octets, frame, udp_len);
    } else {
        reply_ipv6(octets, frame, udp_len);
    }
    return frame->payload + payload_len;
}
