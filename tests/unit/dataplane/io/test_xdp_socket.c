/* One AF_XDP socket, and the worker that polls it, over a veth pair between two network namespaces of this test's own: which
 * system calls they make, and where the frames are. Skipped without the privileges for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "dataplane/io/gather.h"
#include "dataplane/io/xdp.h"
#include "dataplane/io/xdp_program.h"
#include "dataplane/io/xdp_socket.h"
#include "dataplane/io/xdp_targets.h"
#include "tests/unit/dataplane/io/xdp_scene.h"
#include "xdp_skip.h"

#define PORT         5300
#define RING_LEN     2048u /* xdp_socket.c */
#define HELD         64u
#define QUERY_LEN    64u
#define BUSY_POLL_US 10000u
#define FLOOD        (4u * GATHER_TRIAL)

/* --- The C library's, counted --- */

static atomic_uint polls_of_the_card; /* receives without memory to receive into */
static atomic_uint waits;
static atomic_uint sleeps;
static const struct xdp_statistics *statistics; /* what the kernel is to say, or NULL */

ssize_t recvfrom(int fd, void *restrict octets, size_t len, int flags, struct sockaddr *restrict address,
                 socklen_t *restrict address_len)
{
    if (octets == NULL) {
        atomic_fetch_add(&polls_of_the_card, (flags & MSG_DONTWAIT) != 0);
    }
    return syscall(SYS_recvfrom, fd, octets, len, flags, address, address_len);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    atomic_fetch_add(&waits, timeout_ms > 0);
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    return (int)syscall(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    atomic_fetch_add(&sleeps, 1);
    return (int)syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, wanted, left);
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict len)
{
    if (statistics != NULL && level == SOL_XDP && option == XDP_STATISTICS) {
        memcpy(value, statistics, *len < sizeof *statistics ? *len : sizeof *statistics);
        return 0;
    }
    return (int)syscall(SYS_getsockopt, fd, level, option, value, len);
}

/* --- A responder that sends every query back --- */

void responder_add_worker(const struct responder *responder, struct respond_worker *worker)
{
    (void)responder;
    (void)worker;
}

void respond_burst(const struct responder *responder, struct respond_worker *worker, const struct respond_clock *now,
                   struct packet packets[], unsigned count)
{
    (void)responder;
    (void)worker;
    (void)now;
    for (unsigned i = 0; i < count; i++) {
        packets[i].wire[2] |= 0x80;
    }
}

/* --- The scene: one socket without a worker --- */

struct scene {
    struct xdp_program program;
    struct xdp_socket *socket;
    int client;
};

static struct dns_address any_address(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct dns_address address = {.address_len = sizeof any};
    memcpy(&address.address, &any, sizeof any);
    return address;
}

static void open_scene(struct scene *scene, unsigned busy_poll_us)
{
    struct error_detail detail = {""};
    struct xdp_target targets[XDP_TARGETS_MAX];
    unsigned targets_count, left_out;
    uint8_t mac[6];
    const struct dns_address address = any_address();
    const struct xdp_socket_options options = {.interface = "xs0", .copy = true, .busy_poll_us = busy_poll_us};
    make_pair(1);
    scene->program = XDP_PROGRAM_NONE;
    if (xdp_interface_mac("xs0", mac, &detail) != 0 ||
        xdp_targets_collect(&address, 1, targets, &targets_count, &left_out, &detail) != 0 ||
        xdp_program_load(&scene->program, mac, targets, targets_count, 1, &detail) != 0 ||
        xdp_program_attach(&scene->program, "xs0", XDP_MODE_NATIVE, &detail) != 0 ||
        xdp_socket_open(&options, &scene->socket, &detail) != 0 ||
        xdp_program_set_socket(&scene->program, 0, xdp_socket_fd(scene->socket)) != 0) {
        fail_msg("%s", detail.text);
    }
    xdp_program_open_gate(&scene->program, true);
    scene->client = connect_client(PORT, false);
}

static void close_scene(struct scene *scene)
{
    (void)close(scene->client);
    xdp_program_unload(&scene->program);
    xdp_socket_close(scene->socket);
    drop_pair();
}

static struct xdp_counters counters_of(const struct scene *scene)
{
    struct xdp_counters counters = {.frames = 0};
    xdp_socket_add_counters(scene->socket, &counters);
    return counters;
}

/* Sends datagrams until `count` frames, at most HELD, are received, and takes them. */
static void take_frames(const struct scene *scene, struct xdp_buffer buffers[], unsigned count)
{
    static const uint8_t query[QUERY_LEN] = {0};
    unsigned taken = 0;
    for (unsigned attempt = 0; taken < count; attempt++) {
        assert_true(attempt < 1000);
        for (unsigned i = taken; i < count; i++) {
            assert_int_equal(send(scene->client, query, sizeof query, 0), sizeof query);
        }
        const struct pollfd ready = {.fd = xdp_socket_fd(scene->socket), .events = POLLIN};
        (void)poll(&(struct pollfd){.fd = ready.fd, .events = ready.events}, 1, 10);
        taken += xdp_socket_receive(scene->socket, buffers + taken, count - taken);
    }
}

/* --- Tests --- */

static void a_turn_polls_the_card_if_asked_to(void **state)
{
    (void)state;
    for (unsigned busy = 0; busy < 2; busy++) {
        struct scene scene;
        open_scene(&scene, busy ? 20 : 0);
        atomic_store(&polls_of_the_card, 0);
        for (unsigned i = 0; i < 10; i++) {
            xdp_socket_turn(scene.socket);
        }
        assert_int_equal(atomic_load(&polls_of_the_card), busy ? 10 : 0); /* veth asks for no wake-up */
        close_scene(&scene);
    }
}

/* Frames that are sent, and not taken back yet, may be as many as the send ring holds: the others are there to receive into. */
static void frames_to_be_sent_leave_enough_to_receive_into(void **state)
{
    (void)state;
    struct scene scene;
    struct xdp_buffer held[HELD];
    struct xdp_buffer sent[HELD];
    open_scene(&scene, 0);
    take_frames(&scene, held, HELD);
    xdp_socket_turn(scene.socket);
    for (unsigned i = 0; i < RING_LEN; i += HELD) {
        take_frames(&scene, sent, HELD);
        xdp_socket_send(scene.socket, sent, HELD);
    }
    assert_int_equal(counters_of(&scene).frames_send, RING_LEN);
    assert_int_equal(counters_of(&scene).send_full, 0);
    for (unsigned i = 0; i < RING_LEN; i++) { /* the kernel takes them all: the send ring is empty again */
        (void)sendto(xdp_socket_fd(scene.socket), NULL, 0, MSG_DONTWAIT, NULL, 0);
    }
    xdp_socket_send(scene.socket, held, HELD);
    struct xdp_counters counters = counters_of(&scene);
    assert_int_equal(counters.frames_send, RING_LEN);
    assert_int_equal(counters.send_full, HELD);
    xdp_socket_turn(scene.socket);
    counters = counters_of(&scene);
    assert_int_equal(counters.frames_send, 0);
    assert_true(counters.frames_fill >= RING_LEN); /* more where queries that were sent twice wait */
    assert_int_equal(counters.frames_free + counters.frames_fill, counters.frames);
    assert_int_equal(counters.frames_misowned, 0);
    close_scene(&scene);
}

static void all_drops_of_the_kernel_are_counted(void **state)
{
    (void)state;
    const struct xdp_statistics said = {.rx_dropped = 1,
                                        .rx_invalid_descs = 10,
                                        .tx_invalid_descs = 100,
                                        .rx_ring_full = 1000,
                                        .rx_fill_ring_empty_descs = 10000, /* each counted as dropped, too */
                                        .tx_ring_empty_descs = 100000};    /* no loss */
    struct scene scene;
    open_scene(&scene, 0);
    statistics = &said;
    assert_int_equal(counters_of(&scene).kernel_dropped, 1111);
    statistics = NULL;
    close_scene(&scene);
}

/* A worker with that much busy polling, and a client of it. */
static int start_worker(unsigned busy_poll_us, struct xdp_server **server)
{
    const struct dns_address address = any_address();
    const struct xdp_settings settings = {
        .interface = "xs0", .addresses = &address, .addresses_count = 1, .busy_poll_us = busy_poll_us, .gather_us = 30};
    struct error_detail detail = {""};
    make_pair(1);
    if (xdp_bind(&settings, NULL, server, &detail) != 0 || xdp_start(*server, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    atomic_store(&sleeps, 0);
    return connect_client(PORT, false);
}

static void stop_worker(struct xdp_server *server, int client)
{
    xdp_stop(server);
    xdp_free(server);
    (void)close(client);
    drop_pair();
}

static uint64_t received_by(const struct xdp_server *server)
{
    struct respond_counters respond;
    struct xdp_counters counters;
    xdp_counters(server, &respond, &counters);
    return counters.received;
}

/* Floods until the worker has received enough for gathering to be tried, also where nothing was lost and not all of it was dense,
 * and until it has slept if it is to. */
static void flood(const struct xdp_server *server, int client, bool until_it_sleeps)
{
    static const uint8_t query[QUERY_LEN];
    const time_t deadline = time(NULL) + 30;
    while (received_by(server) < FLOOD || (until_it_sleeps && atomic_load(&sleeps) == 0)) {
        assert_true(time(NULL) < deadline);
        for (unsigned i = 0; i < 1024; i++) {
            assert_int_equal(send(client, query, sizeof query, 0), sizeof query);
        }
    }
}

static void a_worker_lets_a_flood_gather(void **state)
{
    (void)state;
    struct xdp_server *server = NULL;
    int client = start_worker(0, &server);
    flood(server, client, true);
    stop_worker(server, client);
}

static void a_busy_polling_worker_polls_for_a_while_and_then_sleeps(void **state)
{
    (void)state;
    static const uint8_t query[QUERY_LEN];
    struct xdp_server *server = NULL;
    unsigned polled = 0, waited = 0;
    int client = start_worker(BUSY_POLL_US, &server);
    flood(server, client, false); /* it would gather without busy polling: see above */
    (void)usleep(4 * BUSY_POLL_US);
    assert_int_equal(atomic_load(&sleeps), 0);

    /* One query: it is waited for asleep, and what may follow by polling. On a busy machine the worker may lack the CPU to poll so
     * often, or this thread to look in time. */
    const time_t deadline = time(NULL) + 30;
    while ((polled <= 100 || waited != 1) && time(NULL) < deadline) {
        atomic_store(&polls_of_the_card, 0);
        atomic_store(&waits, 0);
        assert_int_equal(send(client, query, sizeof query, 0), sizeof query);
        (void)usleep(3 * BUSY_POLL_US);
        polled = atomic_load(&polls_of_the_card);
        waited = atomic_load(&waits);
    }
    assert_true(polled > 100);
    assert_int_equal(waited, 1);
    stop_worker(server, client);
}

int main(void)
{
    if (!make_namespaces()) {
        return xdp_test_cannot_run("no network namespaces");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_polls_the_card_if_asked_to),
        cmocka_unit_test(frames_to_be_sent_leave_enough_to_receive_into),
        cmocka_unit_test(all_drops_of_the_kernel_are_counted),
        cmocka_unit_test(a_worker_lets_a_flood_gather),
        cmocka_unit_test(a_busy_polling_worker_polls_for_a_while_and_then_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
