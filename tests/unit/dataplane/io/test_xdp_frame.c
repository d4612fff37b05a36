#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "dataplane/io/xdp_frame.h"

/* A frame with a UDP datagram of `payload_len` octets from 192.0.2.7 / 2001:db8::7 port 4660. */
struct sample {
    uint8_t octets[2048];
    size_t len;
    size_t network;
    bool ipv6;
};

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void make_sample(struct sample *sample, bool ipv6, bool vlan, size_t payload_len)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    memset(sample, 0, sizeof *sample);
    memcpy(sample->octets, macs, 12);
    uint8_t *at = sample->octets + 12;
    if (vlan) {
        put_u16(at, 0x8100);
        put_u16(at + 2, 0x6064); /* priority 3, VLAN 100 */
        at += 4;
    }
    put_u16(at, ipv6 ? 0x86dd : 0x0800);
    at += 2;
    sample->network = (size_t)(at - sample->octets);
    sample->ipv6 = ipv6;
    if (ipv6) {
        put_u16(at, 0x6123);
        put_u16(at + 4, 8 + payload_len);
        at[6] = 17;
        at[7] = 1;
        (void)inet_pton(AF_INET6, "2001:db8::7", at + 8);
        (void)inet_pton(AF_INET6, "2001:db8::53", at + 24);
        at += 40;
    } else {
        at[0] = 0x45;
        at[1] = 0xff;
        put_u16(at + 2, 20 + 8 + payload_len);
        put_u16(at + 4, 0xbeef);
        at[8] = 1;
        at[9] = 17;
        (void)inet_pton(AF_INET, "192.0.2.7", at + 12);
        (void)inet_pton(AF_INET, "192.0.2.53", at + 16);
        at += 20;
    }
    put_u16(at, 4660);
    put_u16(at + 2, 53);
    put_u16(at + 4, 8 + payload_len);
    for (size_t i = 0; i < payload_len; i++) {
        at[8 + i] = (uint8_t)(i * 37 + 11);
    }
    sample->len = (size_t)(at - sample->octets) + 8 + payload_len;
}

/* The one's complement sum in the plainest way (RFC 1071 section 1). */
static uint32_t plain_sum(const uint8_t *octets, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void assert_checksums_right(const uint8_t *network, bool ipv6, size_t udp_len)
{
    const uint8_t *udp = network + (ipv6 ? 40 : 20);
    uint32_t sum = ipv6 ? plain_sum(network + 8, 32, 0) : plain_sum(network + 12, 8, 0);
    sum += 17 + (uint32_t)udp_len;
    assert_int_equal(plain_sum(udp, udp_len, sum), 0xffff);
    assert_true(udp[6] != 0 || udp[7] != 0);
    if (!ipv6) {
        assert_int_equal(plain_sum(network, 20, 0), 0xffff);
    }
}

static void parse_finds_message_and_client(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct sample sample;
        struct xdp_frame frame;
        make_sample(&sample, kind & 1, kind & 2, 40);
        /* Padding behind the datagram is no part of it. */
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len + 6, &frame), 0);
        assert_int_equal(frame.payload, sample.len - 40);
        assert_int_equal(frame.payload_len, 40);
        char text[INET6_ADDRSTRLEN];
        if (sample.ipv6) {
            assert_int_equal(frame.client.any.sa_family, AF_INET6);
            assert_string_equal(inet_ntop(AF_INET6, &frame.client.in6.sin6_addr, text, sizeof text), "2001:db8::7");
            assert_int_equal(ntohs(frame.client.in6.sin6_port), 4660);
        } else {
            assert_int_equal(frame.client.any.sa_family, AF_INET);
            assert_string_equal(inet_ntop(AF_INET, &frame.client.in.sin_addr, text, sizeof text), "192.0.2.7");
            assert_int_equal(ntohs(frame.client.in.sin_port), 4660);
        }
    }
}

static void reply_turns_every_header_round(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        for (size_t answer_len = 12; answer_len < 300; answer_len += 13) { /* odd and even, longer and shorter */
            struct sample query;
            struct sample reply;
            struct xdp_frame frame;
            make_sample(&query, kind & 1, kind & 2, 100);
            make_sample(&reply, kind & 1, kind & 2, answer_len);
            assert_int_equal(xdp_frame_parse(query.octets, query.len, &frame), 0);
            memcpy(query.octets + frame.payload, reply.octets + frame.payload, answer_len);
            assert_int_equal(xdp_frame_reply(query.octets, &frame, answer_len), reply.len);

            const uint8_t *network = query.octets + query.network;
            assert_memory_equal(query.octets, reply.octets + 6, 6);
            assert_memory_equal(query.octets + 6, reply.octets, 6);
            assert_memory_equal(query.octets + 12, reply.octets + 12, query.network - 12); /* ethertype and tag */
            assert_checksums_right(network, query.ipv6, 8 + answer_len);
            struct xdp_frame back;
            assert_int_equal(xdp_frame_parse(query.octets, reply.len, &back), 0);
            assert_int_equal(back.payload_len, answer_len);
            assert_memory_equal(query.octets + back.payload, reply.octets + frame.payload, answer_len);
            if (query.ipv6) {
                static const uint8_t start[4] = {0x60, 0, 0, 0};
                assert_memory_equal(network, start, 4);
                assert_memory_equal(network + 8, reply.octets + reply.network + 24, 16);
                assert_memory_equal(network + 24, reply.octets + reply.network + 8, 16);
                assert_int_equal(network[7], 64);
            } else {
                assert_int_equal(network[1], 0);
                assert_int_equal(network[6], 0x40);
                assert_int_equal(network[8], 64);
                assert_memory_equal(network + 12, reply.octets + reply.network + 16, 4);
                assert_memory_equal(network + 16, reply.octets + reply.network + 12, 4);
            }
            assert_int_equal(network[(query.ipv6 ? 40 : 20) + 1], 53);
        }
    }
}

/* A datagram whose sum comes out as zero is sent with all ones. */
static void a_zero_checksum_becomes_all_ones(void **state)
{
    (void)state;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        unsigned found = 0;
        for (unsigned value = 0; value <= 0xffff; value++) {
            struct sample query;
            struct xdp_frame frame;
            make_sample(&query, ipv6, false, 20);
            assert_int_equal(xdp_frame_parse(query.octets, query.len, &frame), 0);
            put_u16(query.octets + frame.payload, value);
            (void)xdp_frame_reply(query.octets, &frame, 20);
            const uint8_t *udp = query.octets + frame.udp;
            assert_true(udp[6] != 0 || udp[7] != 0);
            found += udp[6] == 0xff && udp[7] == 0xff;
        }
        assert_int_equal(found, 1); /* 0xffff: what would be 0 is it, and nothing else */
    }
}

static void any_cut_is_refused(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct sample sample;
        struct xdp_frame frame;
        make_sample(&sample, kind & 1, kind & 2, 20);
        for (size_t len = 0; len < sample.len; len++) {
            assert_int_equal(xdp_frame_parse(sample.octets, len, &frame), TXTD_EINVAL);
        }
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), 0);
    }
}

static void contradicting_lengths_are_refused(void **state)
{
    (void)state;
    struct sample sample;
    struct xdp_frame frame;
    static const struct {
        bool ipv6;
        size_t off; /* in the network header */
        size_t value;
    } cases[] = {
        {false, 2, 19}, {false, 2, 27},    {false, 2, 47},      {false, 2, 0xffff}, {false, 24, 7},
        {false, 24, 0}, {false, 24, 29},   {false, 24, 0xffff}, {true, 4, 0},       {true, 4, 7},
        {true, 4, 27},  {true, 4, 0xffff}, {true, 44, 7},       {true, 44, 29},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_sample(&sample, cases[i].ipv6, false, 20);
        put_u16(sample.octets + sample.network + cases[i].off, cases[i].value);
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), TXTD_EINVAL);
    }
    /* A datagram may end before its IP packet does. */
    make_sample(&sample, false, false, 20);
    put_u16(sample.octets + sample.network + 24, 8 + 13);
    assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), 0);
    assert_int_equal(frame.payload_len, 13);
}

static void sources_that_nobody_has_are_refused(void **state)
{
    (void)state;
    static const char *const v4[] = {"0.0.0.0",   "127.0.0.1",       "224.0.0.251",
                                     "239.1.2.3", "255.255.255.255", "240.0.0.1"};
    static const char *const v6[] = {"::", "::1", "ff02::fb"};
    struct sample sample;
    struct xdp_frame frame;
    for (size_t i = 0; i < sizeof v4 / sizeof v4[0]; i++) {
        make_sample(&sample, false, false, 20);
        (void)inet_pton(AF_INET, v4[i], sample.octets + sample.network + 12);
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), TXTD_EINVAL);
    }
    for (size_t i = 0; i < sizeof v6 / sizeof v6[0]; i++) {
        make_sample(&sample, true, false, 20);
        (void)inet_pton(AF_INET6, v6[i], sample.octets + sample.network + 8);
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), TXTD_EINVAL);
    }
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        make_sample(&sample, ipv6, false, 20);
        put_u16(sample.octets + sample.network + (ipv6 ? 40 : 20), 0); /* port 0 */
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), TXTD_EINVAL);
        make_sample(&sample, ipv6, false, 20);
        sample.octets[6] |= 1; /* a group's MAC */
        assert_int_equal(xdp_frame_parse(sample.octets, sample.len, &frame), TXTD_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_finds_message_and_client),    cmocka_unit_test(reply_turns_every_header_round),
        cmocka_unit_test(a_zero_checksum_becomes_all_ones),  cmocka_unit_test(any_cut_is_refused),
        cmocka_unit_test(contradicting_lengths_are_refused), cmocka_unit_test(sources_that_nobody_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
