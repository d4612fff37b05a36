/* The DNS sockets and threads as a client sees them, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/io/server.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

/* The C library's, which the kernel refuses while `sending_fails`. */
static atomic_bool sending_fails;
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (atomic_load(&sending_fails)) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

/* A query for the root, which a responder without zones refuses. */
static const uint8_t query[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};

struct fixture {
    struct delegate_table *table;
    struct responder *responder;
    struct dns_server *server;
    struct dns_address addresses[DNS_SERVER_ADDRESSES_MAX];
};

static struct dns_address address_of(const char *host, uint16_t port)
{
    struct dns_address address = {.address_len = sizeof(struct sockaddr_in6)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.address;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        address.address_len = sizeof *v4;
    } else {
        assert_int_equal(inet_pton(AF_INET6, host, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    v4->sin_port = htons(port);
    return address;
}

static struct dns_server_settings settings_for(const char *host)
{
    struct dns_server_settings settings = {
        .addresses_count = 1,
        .workers = 2,
        .pin = true,
        .tcp = {.connections_max = 100,
                .connections_per_client_max = 50,
                .idle_ms = 700,
                .send_ms = 700,
                .output_max = 65536},
    };
    settings.addresses[0] = address_of(host, 0);
    return settings;
}

static struct fixture *start(const struct dns_server_settings *settings)
{
    static struct fixture fixture;
    struct error_detail detail = {""};
    assert_int_equal(delegate_table_new(0, &fixture.table), 0);
    fixture.responder = responder_new(fixture.table);
    assert_non_null(fixture.responder);
    if (dns_server_bind(settings, fixture.responder, &fixture.server, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    dns_server_addresses(fixture.server, fixture.addresses);
    assert_int_equal(dns_server_start(fixture.server, &detail), 0);
    return &fixture;
}

static void end(struct fixture *fixture)
{
    dns_server_stop(fixture->server);
    dns_server_free(fixture->server);
    responder_free(fixture->responder);
    delegate_table_free(fixture->table);
}

static int connect_to(const struct dns_address *address, int type)
{
    int fd = socket(address->address.ss_family, type, 0);
    assert_true(fd >= 0);
    const struct timeval patience = {.tv_sec = 5};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address->address, address->address_len), 0);
    return fd;
}

static void expect_refused(const uint8_t *answer, ssize_t len)
{
    assert_int_equal(len, sizeof query);
    assert_memory_equal(answer, "\x12\x34\x81\x05", 4);
}

static void ask_udp(const struct dns_address *address)
{
    uint8_t answer[512];
    int fd = connect_to(address, SOCK_DGRAM); /* connected: an answer from another address would not arrive */
    assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
    expect_refused(answer, recv(fd, answer, sizeof answer, 0));
    close(fd);
}

static void read_exactly(int fd, uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = recv(fd, data + at, len - at, 0);
        assert_true(got > 0);
        at += (size_t)got;
    }
}

static void send_query(int fd)
{
    uint8_t frame[2 + sizeof query] = {0, sizeof query};
    memcpy(frame + 2, query, sizeof query);
    assert_int_equal(send(fd, frame, sizeof frame, MSG_NOSIGNAL), sizeof frame);
}

static void expect_answer(int fd)
{
    uint8_t answer[2 + sizeof query];
    read_exactly(fd, answer, sizeof answer);
    expect_refused(answer + 2, sizeof query);
}

/* Waits for the server to close; returns milliseconds. */
static long wait_for_close(int fd)
{
    uint8_t octet;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    ssize_t got = recv(fd, &octet, 1, 0);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

static void answers_over_udp_and_tcp(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    for (unsigned i = 0; i < 2; i++) {
        struct dns_server_settings settings = settings_for(hosts[i]);
        struct fixture *fixture = start(&settings);
        ask_udp(&fixture->addresses[0]);
        int fd = connect_to(&fixture->addresses[0], SOCK_STREAM);
        send_query(fd);
        expect_answer(fd);
        close(fd);
        end(fixture);
    }
}

static void answers_from_the_address_that_was_asked(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("0.0.0.0");
    settings.addresses_count = 2;
    settings.addresses[1] = address_of("::", 0);
    struct fixture *fixture = start(&settings);
    uint16_t port = ntohs(((struct sockaddr_in *)&fixture->addresses[0].address)->sin_port);
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "127.9.9.9"};
    for (unsigned i = 0; i < 3; i++) {
        struct dns_address address = address_of(hosts[i], port);
        ask_udp(&address);
    }
    port = ntohs(((struct sockaddr_in6 *)&fixture->addresses[1].address)->sin6_port);
    struct dns_address v6 = address_of("::1", port);
    ask_udp(&v6);
    end(fixture);
}

static void answers_pipelined_queries_before_they_are_read(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    int fd = connect_to(&fixture->addresses[0], SOCK_STREAM);
    for (unsigned i = 0; i < 1000; i++) {
        send_query(fd);
    }
    for (unsigned i = 0; i < 1000; i++) {
        expect_answer(fd);
    }
    close(fd);
    end(fixture);
}

/* The zone "z" whose TXT record has BIG_LEN octets. */
#define BIG_LEN 60000
static void publish_big_zone(struct fixture *fixture)
{
    static const uint8_t apex[] = {1, 'z', 0}, soa[22] = {0}, root[] = {0};
    static uint8_t text[BIG_LEN]; /* empty strings */
    const struct zone_options options = {.number = 1};
    struct error_detail detail = {""};
    struct zone_set_builder *builder = zone_set_builder_new();
    struct zone_set *zones = NULL;
    assert_non_null(builder);
    assert_int_equal(zone_set_builder_add_zone(builder, apex, sizeof apex, &options), 0);
    const struct {
        uint16_t type;
        const uint8_t *rdata;
        size_t len;
    } records[] = {{6, soa, sizeof soa}, {2, root, sizeof root}, {16, text, sizeof text}};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(zone_set_builder_add_record(builder, apex, sizeof apex, apex, sizeof apex, records[i].type, 1,
                                                     records[i].rdata, records[i].len, &detail),
                         0);
    }
    assert_int_equal(zone_set_builder_finish(builder, &zones, &detail), 0);
    responder_publish_zones(fixture->responder, zones);
}

/* More than sockets and txtd hold: what is asked waits until the client reads, and none of it is lost (RFC 7766 section
 * 6.2.1.1), also when he has said that he asks no more. */
static void answers_all_pipelined_queries_of_a_late_reader(void **state)
{
    (void)state;
    static const uint8_t frame[] = {0, 19, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'z', 0, 0, 16, 0, 1};
    enum { QUERIES = 600 };
    static uint8_t frames[QUERIES * sizeof frame], answer[2 + 65535];
    struct dns_server_settings settings = settings_for("127.0.0.1");
    settings.tcp.send_ms = settings.tcp.idle_ms = 30000;
    struct fixture *fixture = start(&settings);
    publish_big_zone(fixture);
    int fd = connect_to(&fixture->addresses[0], SOCK_STREAM);
    for (unsigned i = 0; i < QUERIES; i++) {
        memcpy(frames + i * sizeof frame, frame, sizeof frame);
        frames[i * sizeof frame + 2] = (uint8_t)(i >> 8);
        frames[i * sizeof frame + 3] = (uint8_t)i;
    }
    assert_int_equal(send(fd, frames, sizeof frames, MSG_NOSIGNAL), sizeof frames);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    (void)usleep(300000);
    for (unsigned i = 0; i < QUERIES; i++) {
        read_exactly(fd, answer, 2);
        size_t len = (size_t)answer[0] << 8 | answer[1];
        assert_true(len > BIG_LEN);
        read_exactly(fd, answer, len);
        assert_int_equal(answer[0] << 8 | answer[1], i);
    }
    (void)wait_for_close(fd);
    close(fd);
    end(fixture);
}

static void answers_what_came_before_a_half_close(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    int fd = connect_to(&fixture->addresses[0], SOCK_STREAM);
    send_query(fd);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_answer(fd);
    (void)wait_for_close(fd);
    close(fd);
    end(fixture);
}

static void closes_slow_clients(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    int idle = connect_to(&fixture->addresses[0], SOCK_STREAM);
    int slow = connect_to(&fixture->addresses[0], SOCK_STREAM);
    int deaf = connect_to(&fixture->addresses[0], SOCK_STREAM);
    /* One octet every 100 ms is no progress. */
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(send(slow, "\0", 1, MSG_NOSIGNAL), 1);
        (void)usleep(100000);
        if (i == 0) {
            assert_int_equal(send(slow, "\x11", 1, MSG_NOSIGNAL), 1);
        }
    }
    assert_true(wait_for_close(slow) < 1500);
    assert_true(wait_for_close(idle) < 1500);
    /* Asks and never reads: the answers stop at the bound, then the connection ends. */
    uint8_t frames[50 * (2 + sizeof query)];
    for (unsigned i = 0; i < 50; i++) {
        uint8_t *frame = frames + i * (2 + sizeof query);
        frame[0] = 0;
        frame[1] = sizeof query;
        memcpy(frame + 2, query, sizeof query);
    }
    close(deaf);
    deaf = connect_to(&fixture->addresses[0], SOCK_STREAM);
    const struct timeval patience = {.tv_sec = 3};
    assert_int_equal(setsockopt(deaf, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    bool ended = false;
    for (unsigned i = 0; i < 100000 && !ended; i++) {
        ended = send(deaf, frames, sizeof frames, MSG_NOSIGNAL) < 0;
    }
    assert_true(ended);
    close(deaf);
    close(slow);
    close(idle);
    struct respond_counters sum;
    struct dns_tcp_counters tcp;
    dns_server_counters(fixture->server, &sum, &tcp);
    assert_true(tcp.closed_idle >= 2);
    assert_int_equal(tcp.closed_slow, 1);
    end(fixture);
}

/* Waits until the server holds this many octets or more, and checks that it never holds more than it may. */
static void expect_buffered(const struct fixture *fixture, uint64_t least, uint64_t most)
{
    struct respond_counters sum;
    struct dns_tcp_counters tcp = {0};
    for (unsigned i = 0; i < 500 && tcp.buffered < least; i++) {
        dns_server_counters(fixture->server, &sum, &tcp);
        assert_true(tcp.buffered <= most);
        (void)usleep(10000);
    }
    assert_true(tcp.buffered >= least);
}

/* Many who leave parts of long queries, or do not take long answers: together they hold no more than they may, the earlier ones
 * go, and who asks while memory is full is answered. */
static void bounds_what_all_connections_leave_in_memory(void **state)
{
    (void)state;
    enum { CLIENTS = 20, PART = 30000, MEMORY = 256 << 10 };
    static uint8_t part[PART] = {0xff, 0xff};
    static const uint8_t long_answer[] = {0, 19, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'z', 0, 0, 16, 0, 1};
    static uint8_t frames[600 * sizeof long_answer];
    int fds[CLIENTS];
    struct dns_server_settings settings = settings_for("127.0.0.1");
    settings.tcp.send_ms = settings.tcp.idle_ms = 30000;
    settings.tcp.buffered_max = MEMORY;
    struct fixture *fixture = start(&settings);
    publish_big_zone(fixture);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(&fixture->addresses[0], SOCK_STREAM);
        assert_int_equal(send(fds[i], part, sizeof part, MSG_NOSIGNAL), sizeof part);
        expect_buffered(fixture, i < MEMORY / PART ? (i + 1) * PART : MEMORY - PART, MEMORY);
    }
    (void)wait_for_close(fds[0]);
    for (unsigned i = 0; i < sizeof frames / sizeof long_answer; i++) {
        memcpy(frames + i * sizeof long_answer, long_answer, sizeof long_answer);
    }
    int deaf = connect_to(&fixture->addresses[0], SOCK_STREAM);
    assert_int_equal(send(deaf, frames, sizeof frames, MSG_NOSIGNAL), sizeof frames);
    (void)wait_for_close(fds[CLIENTS / 2]); /* its memory went to the answers */
    int slow = connect_to(&fixture->addresses[0], SOCK_STREAM);
    assert_int_equal(send(slow, "\0", 1, MSG_NOSIGNAL), 1);
    (void)usleep(50000);
    uint8_t rest[1 + sizeof query] = {sizeof query};
    memcpy(rest + 1, query, sizeof query);
    assert_int_equal(send(slow, rest, sizeof rest, MSG_NOSIGNAL), sizeof rest);
    expect_answer(slow);
    struct respond_counters sum;
    struct dns_tcp_counters tcp;
    dns_server_counters(fixture->server, &sum, &tcp);
    assert_true(tcp.closed_memory >= CLIENTS - MEMORY / PART);
    assert_true(tcp.buffered <= MEMORY);
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    close(deaf);
    close(slow);
    for (unsigned i = 0; i < 500 && tcp.connections > 0; i++) {
        (void)usleep(10000);
        dns_server_counters(fixture->server, &sum, &tcp);
    }
    assert_int_equal(tcp.buffered, 0);
    end(fixture);
}

static void caps_connections(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    settings.tcp.connections_per_client_max = 3;
    settings.tcp.idle_ms = 60000;
    struct fixture *fixture = start(&settings);
    int fds[4];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = connect_to(&fixture->addresses[0], SOCK_STREAM);
        send_query(fds[i]);
        expect_answer(fds[i]);
    }
    fds[3] = connect_to(&fixture->addresses[0], SOCK_STREAM);
    assert_true(wait_for_close(fds[3]) < 1000);
    close(fds[0]); /* leaves a place */
    (void)usleep(50000);
    fds[0] = connect_to(&fixture->addresses[0], SOCK_STREAM);
    send_query(fds[0]);
    expect_answer(fds[0]);
    for (unsigned i = 0; i < 4; i++) {
        close(fds[i]);
    }
    end(fixture);
}

/* When all places are taken the connection that was idle longest makes room. */
static void makes_room_for_new_connections(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    settings.tcp.connections_max = 2;
    settings.tcp.idle_ms = 60000;
    struct fixture *fixture = start(&settings);
    int first = connect_to(&fixture->addresses[0], SOCK_STREAM);
    int second = connect_to(&fixture->addresses[0], SOCK_STREAM);
    (void)usleep(1300000);
    send_query(second);
    expect_answer(second);
    int third = connect_to(&fixture->addresses[0], SOCK_STREAM);
    send_query(third);
    expect_answer(third);
    assert_true(wait_for_close(first) < 1000);
    close(first);
    close(second);
    close(third);
    end(fixture);
}

/* Without a descriptor left the server waits, does not spin, and goes on when there is one again. */
static void survives_running_out_of_descriptors(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int fd = connect_to(&fixture->addresses[0], SOCK_STREAM);
    send_query(fd);
    expect_answer(fd);
    int blocked = socket(AF_INET, SOCK_STREAM, 0);
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(
        connect(blocked, (const struct sockaddr *)&fixture->addresses[0].address, fixture->addresses[0].address_len),
        0);
    (void)usleep(300000);
    send_query(fd); /* those that are connected are served all the while */
    expect_answer(fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    send_query(blocked);
    expect_answer(blocked);
    close(blocked);
    close(fd);
    end(fixture);
}

static void names_a_taken_address(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    settings.addresses[0] = fixture->addresses[0];
    struct dns_server *second = NULL;
    struct error_detail detail = {""};
    assert_int_equal(dns_server_bind(&settings, fixture->responder, &second, &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "127.0.0.1:"));
    assert_non_null(strstr(detail.text, "another program has it"));
    end(fixture);
}

/* The successor has the very same sockets: what waits in them is answered by it, and the port is the one there was. */
static void serves_the_sockets_of_another(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    int sockets[8], copies[8];
    struct error_detail detail = {""};
    struct dns_server *successor = NULL;
    unsigned count = dns_server_sockets(fixture->server, sockets, 8);
    assert_int_equal(count, 3); /* a listener and two workers' */
    assert_int_equal(dns_server_sockets(fixture->server, NULL, 0), 3);
    for (unsigned i = 0; i < count; i++) {
        copies[i] = dup(sockets[i]); /* as another process gets them */
        assert_true(copies[i] >= 0);
    }
    settings.inherited = copies;
    settings.inherited_count = 2;
    assert_int_equal(dns_server_bind(&settings, fixture->responder, &successor, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "dns.workers"));
    settings.inherited_count = count;
    settings.addresses[0] = address_of("127.0.0.2", 0);
    assert_int_equal(dns_server_bind(&settings, fixture->responder, &successor, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "other addresses"));
    settings.addresses[0] = address_of("127.0.0.1", 0);
    assert_int_equal(dns_server_bind(&settings, fixture->responder, &successor, &detail), 0);

    /* Nobody serves: what comes now waits in the sockets. Then the first one serves again, then the other. */
    dns_server_stop(fixture->server);
    int client = connect_to(&fixture->addresses[0], SOCK_DGRAM);
    uint8_t answer[512];
    assert_int_equal(send(client, query, sizeof query, 0), sizeof query);
    assert_int_equal(dns_server_start(fixture->server, &detail), 0);
    expect_refused(answer, recv(client, answer, sizeof answer, 0));
    dns_server_stop(fixture->server);
    assert_int_equal(send(client, query, sizeof query, 0), sizeof query);
    int stream = connect_to(&fixture->addresses[0], SOCK_STREAM);
    dns_server_free(fixture->server);
    fixture->server = successor;
    assert_int_equal(dns_server_start(successor, &detail), 0);
    expect_refused(answer, recv(client, answer, sizeof answer, 0));
    send_query(stream);
    expect_answer(stream);
    close(stream);
    close(client);
    end(fixture);
}

/* Every message is counted, and every one that gets no answer by the reason. */
static void counts_what_it_drops(void **state)
{
    (void)state;
    enum { OVERSIZED = 2049 };
    uint8_t oversized[OVERSIZED] = {0};
    struct dns_server_settings settings = settings_for("127.0.0.1");
    settings.workers = 1;
    struct fixture *fixture = start(&settings);
    int client = connect_to(&fixture->addresses[0], SOCK_DGRAM);
    assert_int_equal(send(client, oversized, sizeof oversized, 0), sizeof oversized);
    assert_int_equal(send(client, oversized, 11, 0), 11);
    ask_udp(&fixture->addresses[0]); /* so those are done */
    atomic_store(&sending_fails, true);
    assert_int_equal(send(client, query, sizeof query, 0), sizeof query);
    struct respond_counters sum = {.nodata = 0};
    struct dns_tcp_counters tcp;
    for (unsigned i = 0; i < 6000 && sum.dropped[RESPOND_DROP_SEND] == 0; i++) {
        (void)usleep(10000);
        dns_server_counters(fixture->server, &sum, &tcp);
    }
    atomic_store(&sending_fails, false);
    assert_int_equal(sum.dropped[RESPOND_DROP_OVERSIZED], 1);
    assert_int_equal(sum.dropped[RESPOND_DROP_INVALID], 1);
    assert_int_equal(sum.dropped[RESPOND_DROP_SEND], 1);
    assert_int_equal(sum.queries[TRANSPORT_UDP], 4);
    assert_int_equal(sum.rcode[5], 2); /* REFUSED; one did not leave */
    close(client);
    end(fixture);
}

static void stops_promptly(void **state)
{
    (void)state;
    struct dns_server_settings settings = settings_for("127.0.0.1");
    struct fixture *fixture = start(&settings);
    int idle = connect_to(&fixture->addresses[0], SOCK_STREAM);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    end(fixture);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 1500);
    (void)wait_for_close(idle);
    close(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_over_udp_and_tcp),
        cmocka_unit_test(answers_from_the_address_that_was_asked),
        cmocka_unit_test(answers_pipelined_queries_before_they_are_read),
        cmocka_unit_test(answers_all_pipelined_queries_of_a_late_reader),
        cmocka_unit_test(answers_what_came_before_a_half_close),
        cmocka_unit_test(closes_slow_clients),
        cmocka_unit_test(bounds_what_all_connections_leave_in_memory),
        cmocka_unit_test(caps_connections),
        cmocka_unit_test(makes_room_for_new_connections),
        cmocka_unit_test(survives_running_out_of_descriptors),
        cmocka_unit_test(names_a_taken_address),
        cmocka_unit_test(serves_the_sockets_of_another),
        cmocka_unit_test(counts_what_it_drops),
        cmocka_unit_test(stops_promptly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
