/* AF_XDP over a veth pair between two network namespaces of this test's own: what goes in and what comes out.
 *
 * The test brings its own respond_burst, so that it decides what each answer is: octets 12 and 13 of a query name the length
 * of the answer wanted, 0 for none. The client's kernel checks the checksums of what comes back: a wrong one never arrives.
 * Skipped without the privileges for namespaces and XDP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/io/xdp.h"
#include "tests/unit/dataplane/io/xdp_scene.h"
#include "xdp_skip.h"

#define PORT       5300
#define ANSWER_MAX RESPOND_UDP_PAYLOAD_MAX
#define QUERY_LEN  40
#define FLOOD      100000u

void responder_add_worker(const struct responder *responder, struct respond_worker *worker)
{
    (void)responder;
    (void)worker;
}

void respond_burst(const struct responder *responder, struct respond_worker *worker, const struct respond_clock *now,
                   struct packet packets[], unsigned count)
{
    (void)responder;
    for (unsigned i = 0; i < count; i++) {
        struct packet *packet = &packets[i];
        unsigned wanted = (unsigned)(packet->wire[12] << 8 | packet->wire[13]);
        if (packet->capacity < ANSWER_MAX || packet->transport != TRANSPORT_XDP || now->wall_s <= 0) {
            wanted = 1; /* and nobody expects that */
        }
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)packet->client;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)packet->client;
        uint16_t port = in->sin_family == AF_INET ? in->sin_port : in6->sin6_port;
        packet->wire[2] |= 0x80;
        for (unsigned at = packet->len; at < wanted; at++) {
            packet->wire[at] = (uint8_t)(at * 7);
        }
        if (wanted > 0) {
            memcpy(packet->wire + 14, &port, sizeof port);
        }
        packet->len = (uint16_t)wanted;
        worker->counters.queries[TRANSPORT_XDP]++;
    }
}

static int bind_server(enum xdp_mode mode, struct xdp_server **server, struct error_detail *detail)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    struct dns_address addresses[2] = {{.address_len = sizeof any}, {.address_len = sizeof any6}};
    memcpy(&addresses[0].address, &any, sizeof any);
    memcpy(&addresses[1].address, &any6, sizeof any6);
    const struct xdp_settings settings = {
        .interface = "xs0", .addresses = addresses, .addresses_count = 2, .mode = mode};
    return xdp_bind(&settings, NULL, server, detail);
}

static struct xdp_server *start_server(enum xdp_mode mode)
{
    struct xdp_server *server = NULL;
    struct error_detail detail = {""};
    if (bind_server(mode, &server, &detail) != 0 || xdp_start(server, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    return server;
}

/* Stops and checks that every frame is where it should be. */
static struct xdp_counters stop_server(struct xdp_server *server)
{
    struct respond_counters respond;
    struct xdp_counters xdp;
    xdp_stop(server);
    xdp_counters(server, &respond, &xdp);
    xdp_free(server);
    assert_int_equal(xdp.frames_misowned, 0);
    assert_int_equal(xdp.frames_worker, 0);
    assert_int_equal(xdp.frames_send, 0);
    assert_int_equal(xdp.frames_free + xdp.frames_fill, xdp.frames);
    assert_int_equal(respond.queries[TRANSPORT_XDP] + xdp.invalid, xdp.received);
    return xdp;
}

static bool program_is_attached(void)
{
    enter(server_namespace);
    uint32_t id = 0;
    assert_int_equal(bpf_xdp_query_id((int)if_nametoindex("xs0"), 0, &id), 0);
    return id != 0;
}

/* --- The client --- */

static void make_query(uint8_t query[QUERY_LEN], unsigned id, unsigned wanted)
{
    for (unsigned i = 0; i < QUERY_LEN; i++) {
        query[i] = (uint8_t)(i * 3);
    }
    query[0] = (uint8_t)(id >> 8);
    query[1] = (uint8_t)id;
    query[2] = 0;
    query[12] = (uint8_t)(wanted >> 8);
    query[13] = (uint8_t)wanted;
}

/* Asks until the answer comes, a few times (neighbours have to find each other first). Returns whether it came; checks
 * every octet of it. */
static bool ask(int fd, unsigned id, unsigned wanted)
{
    uint8_t query[QUERY_LEN];
    uint8_t answer[2048];
    make_query(query, id, wanted);
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
        ssize_t len = recv(fd, answer, sizeof answer, 0);
        if (len < 0) {
            continue;
        }
        assert_int_equal(len, wanted);
        query[2] |= 0x80;
        assert_memory_equal(answer, query, 14);
        if (wanted > QUERY_LEN) {
            assert_memory_equal(answer + 16, query + 16, QUERY_LEN - 16);
        }
        for (unsigned i = QUERY_LEN; i < wanted; i++) {
            assert_int_equal(answer[i], (uint8_t)(i * 7));
        }
        struct sockaddr_in6 self; /* its port is where sockaddr_in has it */
        socklen_t self_len = sizeof self;
        assert_int_equal(getsockname(fd, (struct sockaddr *)&self, &self_len), 0);
        assert_memory_equal(answer + 14, &self.sin6_port, sizeof self.sin6_port);
        return true;
    }
    return false;
}

/* --- Tests --- */

static void answers_of_all_lengths(enum xdp_mode mode)
{
    make_pair(1);
    struct xdp_server *server = start_server(mode);
    struct xdp_setup setup;
    xdp_describe(server, &setup);
    assert_int_equal(setup.native, mode != XDP_MODE_GENERIC);
    assert_int_equal(setup.zero_copy, false);
    assert_int_equal(setup.queues, 1);
    assert_int_equal(setup.targets, 3); /* the IPv4 address, the IPv6 address, and the link-local one */
    unsigned asked = 0;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        int fd = connect_client(PORT, ipv6);
        for (unsigned wanted = 16; wanted <= ANSWER_MAX; wanted += wanted < 64 ? 1 : 73, asked++) {
            assert_true(ask(fd, asked, wanted));
        }
        assert_true(ask(fd, asked++, ANSWER_MAX));
        (void)close(fd);
    }
    struct xdp_counters counters = stop_server(server);
    assert_int_equal(counters.received, asked); /* so all of it came this way */
    assert_int_equal(counters.sent, asked);
    assert_false(program_is_attached());
    drop_pair();
}

static void native_mode_answers(void **state)
{
    (void)state;
    answers_of_all_lengths(XDP_MODE_AUTO);
}

static void generic_mode_answers(void **state)
{
    (void)state;
    answers_of_all_lengths(XDP_MODE_GENERIC);
}

static void every_queue_is_served(void **state)
{
    (void)state;
    make_pair(2);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    struct xdp_setup setup;
    xdp_describe(server, &setup);
    assert_int_equal(setup.queues, 2);
    unsigned asked = 0;
    for (unsigned i = 0; i < 32; i++) { /* a source port each, so that the flows spread */
        int fd = connect_client(PORT, i % 2);
        assert_true(ask(fd, i, 100));
        asked++;
        (void)close(fd);
    }
    assert_int_equal(stop_server(server).received, asked);
    drop_pair();
}

static void an_unanswered_query_gives_its_frame_back(void **state)
{
    (void)state;
    make_pair(1);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    int fd = connect_client(PORT, false);
    assert_true(ask(fd, 1, 64));
    uint8_t query[QUERY_LEN];
    make_query(query, 2, 0);
    for (unsigned i = 0; i < 10000; i++) { /* twice as many as there are frames */
        assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
        if (i % 256 == 0) {
            (void)usleep(2000);
        }
    }
    assert_true(ask(fd, 3, 64));
    (void)close(fd);
    struct xdp_counters counters = stop_server(server);
    assert_int_equal(counters.sent, 2);
    assert_int_equal(counters.received + counters.kernel_dropped, 10002);
    drop_pair();
}

/* A socket of the kernel's, in the server's namespace. */
static int kernel_socket(int type, uint16_t port)
{
    enter(server_namespace);
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const struct timeval timeout = {.tv_sec = 1};
    int on = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 8), 0);
    }
    return fd;
}

static void everything_else_stays_with_the_kernel(void **state)
{
    (void)state;
    make_pair(1);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    int same_port = kernel_socket(SOCK_DGRAM, PORT);
    int other_port = kernel_socket(SOCK_DGRAM, PORT + 1);
    int tcp = kernel_socket(SOCK_STREAM, PORT);
    uint8_t buffer[8192];
    uint8_t query[4000];
    memset(query, 0, sizeof query);

    int fd = connect_client(PORT, false);
    assert_true(ask(fd, 1, 64)); /* whole datagrams do go to XDP */
    int no_discovery = IP_PMTUDISC_DONT;
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &no_discovery, sizeof no_discovery), 0);
    assert_int_equal(send(fd, query, sizeof query, 0), sizeof query); /* in three fragments */
    assert_int_equal(recv(same_port, buffer, sizeof buffer, 0), sizeof query);
    uint8_t no_operation[4] = {1, 1, 1, 1};
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, no_operation, sizeof no_operation), 0);
    assert_int_equal(send(fd, query, 50, 0), 50);
    assert_int_equal(recv(same_port, buffer, sizeof buffer, 0), 50);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, NULL, 0), 0);
    assert_int_equal(send(fd, query, 11, 0), 11); /* no DNS header */
    assert_int_equal(recv(same_port, buffer, sizeof buffer, 0), 11);

    struct sockaddr_in other = {.sin_family = AF_INET, .sin_port = htons(PORT + 1)};
    (void)inet_pton(AF_INET, "10.77.0.1", &other.sin_addr);
    assert_int_equal(sendto(fd, query, 60, 0, (struct sockaddr *)&other, sizeof other), 60);
    assert_int_equal(recv(other_port, buffer, sizeof buffer, 0), 60);

    enter(client_namespace);
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    other.sin_port = htons(PORT);
    assert_int_equal(connect(stream, (struct sockaddr *)&other, sizeof other), 0);
    enter(server_namespace);
    int accepted = accept(tcp, NULL, NULL);
    assert_true(accepted >= 0);

    (void)close(accepted);
    (void)close(stream);
    (void)close(fd);
    (void)close(tcp);
    (void)close(other_port);
    (void)close(same_port);
    assert_int_equal(stop_server(server).received, 1);
    drop_pair();
}

/* Before the start and after the stop, queries are the kernel's. */
static void without_workers_queries_go_to_the_kernel(void **state)
{
    (void)state;
    make_pair(1);
    int kernel = kernel_socket(SOCK_DGRAM, PORT);
    struct xdp_server *server = NULL;
    struct error_detail detail = {""};
    assert_int_equal(bind_server(XDP_MODE_AUTO, &server, &detail), 0);
    assert_true(program_is_attached());
    int fd = connect_client(PORT, false);
    uint8_t query[QUERY_LEN];
    uint8_t buffer[2048];
    make_query(query, 1, 64);
    assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
    assert_int_equal(recv(kernel, buffer, sizeof buffer, 0), sizeof query);
    assert_int_equal(xdp_start(server, &detail), 0);
    assert_true(ask(fd, 2, 64));
    xdp_stop(server);
    assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
    assert_int_equal(recv(kernel, buffer, sizeof buffer, 0), sizeof query);
    assert_int_equal(xdp_start(server, &detail), 0);
    assert_true(ask(fd, 3, 64));
    assert_int_equal(stop_server(server).received, 2);
    (void)close(kernel);
    (void)close(fd);
    drop_pair();
}

static void a_taken_interface_is_refused(void **state)
{
    (void)state;
    make_pair(1);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    struct xdp_server *second = NULL;
    struct error_detail detail = {""};
    assert_int_equal(bind_server(XDP_MODE_AUTO, &second, &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "xs0"));
    assert_null(second);
    int fd = connect_client(PORT, false);
    assert_true(ask(fd, 1, 64));
    (void)close(fd);
    (void)stop_server(server);
    drop_pair();
    assert_int_equal(bind_server(XDP_MODE_AUTO, &second, &detail), TXTD_EINVAL); /* it is gone */
}

/* Frames with a VLAN tag, made by hand: there need not be a VLAN device. */
static void a_tagged_query_gets_a_tagged_answer(void **state)
{
    (void)state;
    make_pair(1);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    int fd = connect_client(PORT, false);
    assert_true(ask(fd, 1, 64)); /* and the neighbours know each other */
    (void)close(fd);

    enter(client_namespace);
    int raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    address.sll_ifindex = (int)if_nametoindex("xc0");
    assert_int_equal(bind(raw, (struct sockaddr *)&address, sizeof address), 0);
    enter(server_namespace);
    int on = 1;
    const struct timeval timeout = {.tv_sec = 1};
    assert_int_equal(setsockopt(raw, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on), 0);
    assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);

    /* The query: Ethernet, tag of VLAN 100, IPv4, UDP. */
    uint8_t frame[18 + 28 + QUERY_LEN] = {0};
    enter(client_namespace);
    FILE *link = popen("ip -o link show xc0 | sed 's/.*ether \\([^ ]*\\).*/\\1/'; "
                       "ip -o neigh show 10.77.0.1 dev xc0 | sed 's/.*lladdr \\([^ ]*\\).*/\\1/'",
                       "r");
    enter(server_namespace);
    assert_non_null(link);
    for (unsigned which = 0; which < 2; which++) {
        unsigned octets[6];
        assert_int_equal(
            fscanf(link, "%x:%x:%x:%x:%x:%x", &octets[0], &octets[1], &octets[2], &octets[3], &octets[4], &octets[5]),
            6);
        for (unsigned i = 0; i < 6; i++) {
            frame[(which == 0 ? 6 : 0) + i] = (uint8_t)octets[i];
        }
    }
    (void)pclose(link);
    static const uint8_t headers[34] = {0x81,      0x00,
                                        0,         100,
                                        0x08,      0x00,
                                        0x45,      0,
                                        0,         28 + QUERY_LEN,
                                        0,         0,
                                        0,         0,
                                        64,        17,
                                        0,         0,
                                        10,        77,
                                        0,         2,
                                        10,        77,
                                        0,         1,
                                        0x30,      0x39,
                                        PORT >> 8, PORT & 0xff,
                                        0,         8 + QUERY_LEN,
                                        0,         0};
    memcpy(frame + 12, headers, sizeof headers);
    make_query(frame + 46, 2, 200);
    assert_int_equal(send(raw, frame, sizeof frame, 0), sizeof frame);

    bool answered = false;
    for (unsigned i = 0; i < 50 && !answered; i++) {
        uint8_t answer[2048];
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        } control;
        struct iovec iov = {.iov_base = answer, .iov_len = sizeof answer};
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t len = recvmsg(raw, &message, 0);
        if (len != 14 + 28 + 200 || answer[14 + 9] != 17 || answer[14 + 20] != PORT >> 8) {
            continue; /* our own query, or neighbours talking */
        }
        struct tpacket_auxdata auxiliary;
        assert_non_null(CMSG_FIRSTHDR(&message));
        memcpy(&auxiliary, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof auxiliary);
        assert_true((auxiliary.tp_status & TP_STATUS_VLAN_VALID) != 0); /* the kernel has taken the tag off */
        assert_int_equal(auxiliary.tp_vlan_tci, 100);
        assert_memory_equal(answer, frame + 6, 6);
        assert_memory_equal(answer + 6, frame, 6);
        assert_int_equal(answer[42], 0);
        assert_int_equal(answer[43], 2);
        answered = true;
    }
    assert_true(answered);
    (void)close(raw);
    assert_int_equal(stop_server(server).received, 2);
    drop_pair();
}

static void a_flood_does_not_wedge_the_rings(void **state)
{
    (void)state;
    make_pair(1);
    struct xdp_server *server = start_server(XDP_MODE_AUTO);
    int flood = connect_client(PORT, false);
    int fd = connect_client(PORT, true);
    assert_true(ask(fd, 1, 100));
    uint8_t query[QUERY_LEN];
    make_query(query, 2, ANSWER_MAX);
    for (unsigned i = 0; i < FLOOD; i++) { /* nobody reads the answers */
        (void)send(flood, query, sizeof query, MSG_DONTWAIT);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_true(ask(fd, i, 16 + i));
    }
    (void)close(flood);
    (void)close(fd);
    struct xdp_counters counters = stop_server(server);
    assert_true(counters.received > FLOOD / 100);
    assert_int_equal(counters.sent + counters.send_full, counters.received);
    drop_pair();
}

static void kill_9_detaches_and_a_restart_serves(void **state)
{
    (void)state;
    make_pair(1);
    for (unsigned round = 0; round < 3; round++) {
        int ready[2];
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct xdp_server *server = NULL;
            struct error_detail detail = {""};
            bool well = bind_server(XDP_MODE_AUTO, &server, &detail) == 0 && xdp_start(server, &detail) == 0;
            if (write(ready[1], well ? "y" : "n", 1) == 1) {
                for (unsigned i = 0; i < 60; i++) {
                    (void)sleep(1);
                }
            }
            _exit(0);
        }
        char answer = 'n';
        assert_int_equal(read(ready[0], &answer, 1), 1);
        assert_int_equal(answer, 'y');
        (void)close(ready[0]);
        (void)close(ready[1]);
        assert_true(program_is_attached());
        int fd = connect_client(PORT, false);
        assert_true(ask(fd, round, 64));
        (void)close(fd);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        for (unsigned i = 0; i < 100 && program_is_attached(); i++) {
            (void)usleep(20000);
        }
        assert_false(program_is_attached());
    }
    drop_pair();
}

int main(void)
{
    if (!make_namespaces()) {
        return xdp_test_cannot_run("no network namespaces");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_mode_answers),
        cmocka_unit_test(generic_mode_answers),
        cmocka_unit_test(every_queue_is_served),
        cmocka_unit_test(an_unanswered_query_gives_its_frame_back),
        cmocka_unit_test(everything_else_stays_with_the_kernel),
        cmocka_unit_test(without_workers_queries_go_to_the_kernel),
        cmocka_unit_test(a_taken_interface_is_refused),
        cmocka_unit_test(a_tagged_query_gets_a_tagged_answer),
        cmocka_unit_test(a_flood_does_not_wedge_the_rings),
        cmocka_unit_test(kill_9_detaches_and_a_restart_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
