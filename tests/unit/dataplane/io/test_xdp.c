/* AF_XDP over a veth pair between two network namespaces of this test's own: what goes in and what comes out.
 *
 * The client's kernel checks the checksums of what comes back: a wrong one never arrives. Skipped without the privileges for
 * namespaces and XDP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
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
#include "tests/unit/dataplane/io/xdp_echo.h"
#include "tests/unit/dataplane/io/xdp_scene.h"
#include "xdp_skip.h"

#define FLOOD 100000u

static bool program_is_attached(void)
{
    enter(server_namespace);
    uint32_t id = 0;
    assert_int_equal(bpf_xdp_query_id((int)if_nametoindex("xs0"), 0, &id), 0);
    return id != 0;
}

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
    assert_all(counters.received, asked); /* so all of it came this way */
    assert_int_equal(counters.sent, counters.received);
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
    assert_all(stop_server(server).received, asked);
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
    assert_all(counters.sent, 2);
    assert_all(counters.received + counters.kernel_dropped, 10002);
    drop_pair();
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
    assert_all(stop_server(server).received, 1);
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
    assert_all(stop_server(server).received, 2);
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
        assert_true(ask(fd, 3 + i, 16 + i));
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
        for (unsigned i = 0; i < 1500 && program_is_attached(); i++) {
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
        cmocka_unit_test(a_flood_does_not_wedge_the_rings),
        cmocka_unit_test(kill_9_detaches_and_a_restart_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
