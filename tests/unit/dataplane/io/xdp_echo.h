/* xdp_echo.h: an XDP server on xs0 whose answers the test decides, and a client of it. Included by one test program each, after
 * cmocka.
 *
 * It brings its own respond_burst: octets 12 and 13 of a query name the length of the answer wanted, 0 for none. */
#ifndef TXTD_TESTS_XDP_ECHO_H
#define TXTD_TESTS_XDP_ECHO_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/io/xdp.h"
#include "tests/unit/dataplane/io/xdp_scene.h"

#define PORT       5300
#define ANSWER_MAX RESPOND_UDP_PAYLOAD_MAX
#define QUERY_LEN  40

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

static inline int bind_server(enum xdp_mode mode, struct xdp_server **server, struct error_detail *detail)
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

static inline struct xdp_server *start_server(enum xdp_mode mode)
{
    struct xdp_server *server = NULL;
    struct error_detail detail = {""};
    if (bind_server(mode, &server, &detail) != 0 || xdp_start(server, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    return server;
}

/* Stops and checks that every frame is where it should be. */
static inline struct xdp_counters stop_server(struct xdp_server *server)
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

/* --- The client --- */

static inline void make_query(uint8_t query[QUERY_LEN], unsigned id, unsigned wanted)
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

static unsigned asked_again; /* queries that had to be sent once more */

/* The next answer, but for those to another query, which was sent twice. Negative: none came in time. */
static inline ssize_t hear(int fd, unsigned id, uint8_t *answer, size_t capacity)
{
    ssize_t len;
    do {
        len = recv(fd, answer, capacity, 0);
    } while (len >= 2 && (answer[0] << 8 | answer[1]) != (int)(id & 0xffff));
    return len;
}

/* Of so many queries that are to be answered, each once more if it was sent again. */
static inline void assert_all(uint64_t count, unsigned asked)
{
    assert_in_range(count, asked, asked + asked_again);
}

/* Asks until the answer comes, a few times. Returns whether it came; checks every octet of it. */
static inline bool ask(int fd, unsigned id, unsigned wanted)
{
    uint8_t query[QUERY_LEN];
    uint8_t answer[2048];
    make_query(query, id, wanted);
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        asked_again += attempt > 0;
        assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
        ssize_t len = hear(fd, id, answer, sizeof answer);
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

/* A socket of the kernel's, in the server's namespace. */
static inline int kernel_socket(int type, uint16_t port)
{
    enter(server_namespace);
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const struct timeval timeout = {.tv_sec = 10};
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

#endif
