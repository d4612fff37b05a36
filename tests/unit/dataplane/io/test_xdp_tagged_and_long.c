/* Frames that are not the usual ones, over AF_XDP between two network namespaces of this test's own: with a VLAN tag, and
 * longer than an XDP frame has room for. Skipped without the privileges for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/io/xdp.h"
#include "tests/unit/dataplane/io/xdp_echo.h"
#include "tests/unit/dataplane/io/xdp_scene.h"
#include "xdp_skip.h"

/* --- Frames with a VLAN tag, made by hand: there need not be a VLAN device --- */

#define VLAN 100

static void put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* A socket for whole frames at the client's end, which tells of the tags that the kernel takes off. */
static int open_raw(void)
{
    enter(client_namespace);
    int raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    address.sll_ifindex = (int)if_nametoindex("xc0");
    assert_int_equal(bind(raw, (struct sockaddr *)&address, sizeof address), 0);
    enter(server_namespace);
    int on = 1;
    const struct timeval timeout = {.tv_sec = 10};
    assert_int_equal(setsockopt(raw, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on), 0);
    assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
    return raw;
}

/* The addresses of both stations, as they begin a frame from the client to the server. */
static void read_stations(uint8_t stations[12])
{
    enter(client_namespace);
    FILE *link = popen("ip -o neigh show 10.77.0.1 dev xc0 | sed 's/.*lladdr \\([^ ]*\\).*/\\1/'; "
                       "ip -o link show xc0 | sed 's/.*ether \\([^ ]*\\).*/\\1/'",
                       "r");
    enter(server_namespace);
    assert_non_null(link);
    for (unsigned i = 0; i < 12; i++) {
        unsigned octet;
        assert_int_equal(fscanf(link, i % 6 == 0 ? " %x" : ":%x", &octet), 1);
        stations[i] = (uint8_t)octet;
    }
    (void)pclose(link);
}

/* The one's complement sum of UDP over the addresses before it: 0xffff when the checksum is right (RFC 768). */
static unsigned udp_sum(const uint8_t *addresses, size_t addresses_len, size_t udp_len)
{
    uint32_t sum = IPPROTO_UDP + (uint32_t)udp_len;
    for (size_t i = 0; i < addresses_len + udp_len; i++) {
        sum += (uint32_t)addresses[i] << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* A query from port 12345 for an answer of `wanted` octets. Returns the frame's length. */
static size_t make_tagged(uint8_t *frame, bool ipv6, unsigned id, unsigned wanted)
{
    read_stations(frame);
    put_u16(frame + 12, ETH_P_8021Q);
    put_u16(frame + 14, VLAN);
    put_u16(frame + 16, ipv6 ? ETH_P_IPV6 : ETH_P_IP);
    uint8_t *network = frame + 18;
    uint8_t *udp = network + (ipv6 ? 40 : 20);
    if (ipv6) {
        network[0] = 0x60;
        put_u16(network + 4, 8 + QUERY_LEN);
        network[6] = IPPROTO_UDP;
        network[7] = 64;
        assert_int_equal(inet_pton(AF_INET6, "fd77::2", network + 8), 1);
        assert_int_equal(inet_pton(AF_INET6, "fd77::1", network + 24), 1);
    } else {
        network[0] = 0x45;
        put_u16(network + 2, 28 + QUERY_LEN);
        network[8] = 64;
        network[9] = IPPROTO_UDP;
        assert_int_equal(inet_pton(AF_INET, "10.77.0.2", network + 12), 1);
        assert_int_equal(inet_pton(AF_INET, "10.77.0.1", network + 16), 1);
    }
    put_u16(udp, 12345);
    put_u16(udp + 2, PORT);
    put_u16(udp + 4, 8 + QUERY_LEN);
    make_query(udp + 8, id, wanted);
    return (size_t)(udp - frame) + 8 + QUERY_LEN;
}

/* Waits for the answer to that query, which must have the tag. Returns whether it came. */
static bool receive_tagged(int raw, const uint8_t *query, bool ipv6, unsigned id, size_t wanted)
{
    const size_t udp = ipv6 ? 14 + 40 : 14 + 20; /* the kernel has taken the tag off */
    const size_t addresses_len = ipv6 ? 32 : 8;
    for (unsigned i = 0; i < 50; i++) {
        uint8_t answer[2048] = {0};
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        } control;
        struct iovec iov = {.iov_base = answer, .iov_len = sizeof answer};
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t len = recvmsg(raw, &message, 0);
        if (len != (ssize_t)(udp + 8 + wanted) || (answer[udp] << 8 | answer[udp + 1]) != PORT) {
            continue; /* our own query, or neighbours talking */
        }
        struct tpacket_auxdata auxiliary;
        assert_non_null(CMSG_FIRSTHDR(&message));
        memcpy(&auxiliary, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof auxiliary);
        assert_true((auxiliary.tp_status & TP_STATUS_VLAN_VALID) != 0);
        assert_int_equal(auxiliary.tp_vlan_tci, VLAN);
        assert_memory_equal(answer, query + 6, 6);
        assert_memory_equal(answer + 6, query, 6);
        assert_int_equal(udp_sum(answer + udp - addresses_len, addresses_len, 8 + wanted), 0xffff);
        assert_int_equal(answer[udp + 8] << 8 | answer[udp + 9], id);
        return true;
    }
    return false;
}

static void a_tagged_query_gets_a_tagged_answer(void **state)
{
    (void)state;
    make_pair(1);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    int fd = connect_client(PORT, false);
    assert_true(ask(fd, 1, 64)); /* and the neighbours know each other */
    (void)close(fd);
    int raw = open_raw();
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        uint8_t frame[18 + 40 + 8 + QUERY_LEN] = {0};
        size_t len = make_tagged(frame, ipv6, 2 + ipv6, 200);
        assert_int_equal(send(raw, frame, len, 0), len);
        assert_true(receive_tagged(raw, frame, ipv6, 2 + ipv6, 200));
    }
    (void)close(raw);
    assert_all(stop_server(server).received, 3);
    drop_pair();
}

/* --- Large MTUs --- */

static void set_mtu(unsigned mtu)
{
    run("ip link set xs0 mtu %u", mtu);
    enter(client_namespace);
    run("ip link set xc0 mtu %u", mtu);
    enter(server_namespace);
}

/* What an XDP frame has room for is answered by XDP, and what is longer by the kernel's socket. */
static void long_frames_are_answered_by_the_kernel(unsigned mtu, bool native)
{
    enum { FRAME_MAX = 1792, HEADERS = 14 + 20 + 8 };
    make_pair(1);
    set_mtu(mtu);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    struct xdp_setup setup;
    xdp_describe(server, &setup);
    assert_int_equal(setup.native, native);
    int kernel = kernel_socket(SOCK_DGRAM, PORT);
    int fd = connect_client(PORT, false);
    uint8_t query[2048] = {0}, answer[2048];
    assert_true(ask(fd, 1, 100));
    make_query(query, 2, 100);
    assert_int_equal(send(fd, query, FRAME_MAX - HEADERS, 0), FRAME_MAX - HEADERS);
    assert_int_equal(hear(fd, 2, answer, sizeof answer), 100);
    for (size_t len = FRAME_MAX - HEADERS + 1; len <= sizeof query; len += 99) {
        assert_int_equal(send(fd, query, len, 0), len);
        assert_int_equal(recv(kernel, answer, sizeof answer, 0), len);
    }
    (void)close(fd);
    (void)close(kernel);
    struct xdp_counters counters = stop_server(server);
    assert_all(counters.received, 2);
    assert_int_equal(counters.kernel_dropped, 0);
    drop_pair();
}

static void long_frames_in_native_mode(void **state)
{
    (void)state;
    long_frames_are_answered_by_the_kernel(3000, true);
}

/* With such an MTU the driver refuses the program: then it is the kernel's own mode. */
static void without_native_mode_auto_is_generic(void **state)
{
    (void)state;
    long_frames_are_answered_by_the_kernel(9000, false);
    make_pair(1);
    set_mtu(9000);
    struct xdp_server *server = NULL;
    struct error_detail detail = {""};
    assert_true(bind_server(XDP_MODE_NATIVE, &server, &detail) < 0);
    assert_non_null(strstr(detail.text, "in native mode"));
    drop_pair();
}

int main(void)
{
    if (!make_namespaces()) {
        return xdp_test_cannot_run("no network namespaces");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tagged_query_gets_a_tagged_answer),
        cmocka_unit_test(long_frames_in_native_mode),
        cmocka_unit_test(without_native_mode_auto_is_generic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
