/* The HTTP server as a client sees it: plain connections by hand, TLS by libcrypto's library's own client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "control/http_server.h"
#include "control/tls.h"

/* Answers with what it was asked: method, path, query, body, client. /later is answered by another thread. */
static void answer(void *context, struct http_exchange *exchange)
{
    (void)context;
    uint8_t client[16];
    char host[INET6_ADDRSTRLEN] = "";
    char body[1024];
    http_exchange_client(exchange, client);
    (void)inet_ntop(AF_INET6, client, host, sizeof host);
    struct http_text method = http_exchange_method(exchange);
    struct http_text path = http_exchange_path(exchange);
    struct http_text query = http_exchange_query(exchange);
    struct http_text text = http_exchange_body(exchange);
    int len = snprintf(body, sizeof body, "%.*s|%.*s|%.*s|%.*s|%s|%u", (int)method.len, method.data, (int)path.len,
                       path.data, (int)query.len, query.data, (int)(text.len < 100 ? text.len : 100), text.data, host,
                       http_exchange_site(exchange));
    static const struct http_header headers[] = {{"x-test", "yes"}};
    http_exchange_answer(exchange, 200, "text/plain", headers, 1, body, (size_t)len);
}

static void *wake_later(void *exchange)
{
    (void)usleep(100000);
    http_exchange_wake(exchange);
    return NULL;
}

static void handle(void *context, struct http_exchange *exchange)
{
    struct http_text path = http_exchange_path(exchange);
    if (path.len == 6 && memcmp(path.data, "/later", 6) == 0) {
        pthread_t thread;
        http_exchange_keep(exchange, answer, context);
        assert_int_equal(pthread_create(&thread, NULL, wake_later, exchange), 0);
        (void)pthread_detach(thread);
        return;
    }
    answer(context, exchange);
}

static struct http_server_settings default_settings(void)
{
    struct http_server_settings settings = {
        .listeners_count = 1,
        .threads = 2,
        .nice = 5,
        .limits = {.connections_max = 20,
                   .connections_per_client_max = 10,
                   .handshake_ms = 500,
                   .request_ms = 500,
                   .idle_ms = 1000,
                   .body_max = 16384},
    };
    struct sockaddr_in *address = (struct sockaddr_in *)&settings.listeners[0].address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    settings.listeners[0].address_len = sizeof *address;
    settings.listeners[0].site = 7;
    return settings;
}

struct fixture {
    struct http_server *server;
    struct sockaddr_storage address[HTTP_LISTENERS_MAX];
};

static struct fixture start(const struct http_server_settings *settings)
{
    struct fixture fixture;
    struct error_detail detail = {""};
    if (http_server_bind(settings, handle, NULL, &fixture.server, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    http_server_addresses(fixture.server, fixture.address);
    assert_int_equal(http_server_start(fixture.server, &detail), 0);
    return fixture;
}

static void end(struct fixture *fixture)
{
    http_server_stop(fixture->server, 1000);
    struct http_server_counters counters;
    http_server_counters(fixture->server, &counters);
    assert_int_equal(counters.connections, 0);
    http_server_free(fixture->server);
}

static int dial(const struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = {.tv_sec = 5};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->address[0], sizeof(struct sockaddr_in)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `ending` has come, or the connection ends (when `ending` is NULL). */
static const char *hear(int fd, const char *ending)
{
    static char heard[65536];
    size_t len = 0;
    heard[0] = '\0';
    while (ending == NULL || strstr(heard, ending) == NULL) {
        ssize_t got = recv(fd, heard + len, sizeof heard - 1 - len, 0);
        if (got <= 0) {
            assert_true(ending == NULL);
            assert_true(got == 0 || errno == ECONNRESET);
            break;
        }
        len += (size_t)got;
        heard[len] = '\0';
    }
    return heard;
}

static void expect(const char *heard, const char *part)
{
    if (strstr(heard, part) == NULL) {
        fail_msg("'%s' is not in: %s", part, heard);
    }
}

static void answers_requests(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture fixture = start(&settings);
    int fd = dial(&fixture);
    say(fd, "GET //a%2Fb/?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|//a%2Fb/|x=1||::ffff:127.0.0.1|7");
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    expect(hear(fd, "|7"), "POST|/p||abc|");
    say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    expect(hear(fd, "|7"), "POST|/p||abcde|");
    say(fd, "POST /empty HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "POST|/empty|||");
    say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|/later|");
    say(fd, "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "\r\n\r\n"), "x-test: yes");
    say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const char *both = hear(fd, NULL);
    expect(both, "GET|/1|");
    expect(both, "GET|/2|");
    close(fd);
    end(&fixture);
}

static void answers_after_a_half_close(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture fixture = start(&settings);
    int fd = dial(&fixture);
    say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect(hear(fd, NULL), "GET|/later|");
    close(fd);
    end(&fixture);
}

static void survives_clients_that_go(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture fixture = start(&settings);
    const struct linger reset = {.l_onoff = 1};
    for (unsigned i = 0; i < 20; i++) {
        int fd = dial(&fixture);
        say(fd, i % 2 == 0 ? "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
                           : "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\nabc");
        (void)usleep(5000);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
    }
    (void)usleep(300000);
    int fd = dial(&fixture);
    say(fd, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "GET|/after|");
    close(fd);
    end(&fixture);
}

static void refuses_in_json(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture fixture = start(&settings);
    static const struct {
        const char *request, *status, *error;
    } rows[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16385\r\n\r\n", "413", "{\"error\":\"request_too_large\"}"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "400",
         "{\"error\":\"bad_request\"}"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400",
         "{\"error\":\"bad_request\"}"},
    };
    for (unsigned i = 0; i < 3; i++) {
        int fd = dial(&fixture);
        say(fd, rows[i].request);
        const char *heard = hear(fd, NULL);
        expect(heard, rows[i].status);
        expect(heard, rows[i].error);
        const char *body = strstr(heard, "\r\n\r\n") + 4;
        expect(heard, "content-type: application/json");
        char length[64];
        (void)snprintf(length, sizeof length, "content-length: %zu\r\n", strlen(body));
        expect(heard, length);
        close(fd);
    }
    end(&fixture);
}

static long milliseconds_until_close(int fd)
{
    struct timespec before, after;
    char octet;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_true(recv(fd, &octet, 1, 0) <= 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

static void closes_slow_clients(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture fixture = start(&settings);
    int slow = dial(&fixture);
    for (unsigned i = 0; i < 4; i++) { /* a header octet now and then is no progress */
        say(slow, i == 0 ? "GET / HTTP/1.1\r\n" : "X");
        (void)usleep(100000);
    }
    assert_true(milliseconds_until_close(slow) < 600);
    int idle = dial(&fixture);
    assert_true(milliseconds_until_close(idle) < 1700);
    close(slow);
    close(idle);
    struct http_server_counters counters;
    http_server_counters(fixture.server, &counters);
    assert_int_equal(counters.timeouts, 2);
    end(&fixture);
}

static void caps_connections(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.limits.connections_per_client_max = 3;
    settings.limits.idle_ms = 60000;
    struct fixture fixture = start(&settings);
    int fds[4];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = dial(&fixture);
        say(fds[i], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        (void)hear(fds[i], "|7");
    }
    fds[3] = dial(&fixture);
    assert_true(milliseconds_until_close(fds[3]) < 1000);
    for (unsigned i = 0; i < 4; i++) {
        close(fds[i]);
    }
    end(&fixture);
}

static void believes_trusted_proxies_alone(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.trusted_proxies_count = 1;
    static const struct {
        bool trusted;
        const char *headers, *client;
    } rows[] = {
        {false, "X-Forwarded-For: 192.0.2.1\r\n", "::ffff:127.0.0.1|"},
        {true, "X-Forwarded-For: 192.0.2.1\r\n", "::ffff:192.0.2.1|"},
        {true, "X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n", "::ffff:192.0.2.2|"},
        {true, "X-Forwarded-For: 192.0.2.1, 127.0.0.1\r\n", "::ffff:192.0.2.1|"},
        {true, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.3\r\n", "::ffff:192.0.2.3|"},
        {true, "X-Forwarded-For: 192.0.2.1, garbage\r\n", "::ffff:127.0.0.1|"},
        {true, "X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1|"},
        {true, "X-Forwarded-For: 192.0.2.1:80\r\n", "::ffff:192.0.2.1|"},
        {true, "", "::ffff:127.0.0.1|"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        settings.trusted_proxies[0] = (struct ip_prefix){
            .address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, rows[i].trusted ? 127 : 10}, .len = 104};
        struct fixture fixture = start(&settings);
        int fd = dial(&fixture);
        say(fd, "GET / HTTP/1.1\r\nHost: h\r\n");
        say(fd, rows[i].headers);
        say(fd, "\r\n");
        expect(hear(fd, "|7"), rows[i].client);
        close(fd);
        end(&fixture);
    }
}

static void speaks_the_proxy_protocol(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    settings.listeners[0].proxy_protocol = true;
    settings.trusted_proxies_count = 1;
    settings.trusted_proxies[0] =
        (struct ip_prefix){.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .len = 104};
    struct fixture fixture = start(&settings);
    int fd = dial(&fixture);
    say(fd, "PROXY TCP4 192.0.2.9 198.51.100.1 5 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(hear(fd, "|7"), "::ffff:192.0.2.9|");
    close(fd);
    fd = dial(&fixture);
    say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(hear(fd, NULL), "");
    close(fd);
    end(&fixture);
    settings.trusted_proxies_count = 0;
    fixture = start(&settings);
    fd = dial(&fixture);
    assert_true(milliseconds_until_close(fd) < 1000);
    close(fd);
    end(&fixture);
}

static void finishes_what_runs_when_stopped(void **state)
{
    (void)state;
    struct http_server_settings settings = default_settings();
    struct fixture fixture = start(&settings);
    int fd = dial(&fixture);
    say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)usleep(30000);
    end(&fixture);
    expect(hear(fd, NULL), "GET|/later|");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_requests),
        cmocka_unit_test(answers_after_a_half_close),
        cmocka_unit_test(survives_clients_that_go),
        cmocka_unit_test(refuses_in_json),
        cmocka_unit_test(closes_slow_clients),
        cmocka_unit_test(caps_connections),
        cmocka_unit_test(believes_trusted_proxies_alone),
        cmocka_unit_test(speaks_the_proxy_protocol),
        cmocka_unit_test(finishes_what_runs_when_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
