/* http_scene.h: a server on a free loopback port and a client that speaks by hand, for the tests of control/http_*.c. */
#ifndef TXTD_TESTS_HTTP_SCENE_H
#define TXTD_TESTS_HTTP_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "control/http_server.h"

/* Answers with what it was asked: method, path, query, body, client. /later is answered by another thread. */
static inline void answer(void *context, struct http_exchange *exchange)
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

#define WAKERS_MAX 64

struct fixture {
    struct http_server *server;
    struct sockaddr_storage address[HTTP_LISTENERS_MAX];
    pthread_t wakers[WAKERS_MAX];
    unsigned wakers_count;      /* atomic */
    struct http_exchange *held; /* atomic */
    unsigned asked_again;       /* atomic: how often the handler was given an exchange of /again */
};

static inline void *wake_later(void *exchange)
{
    (void)usleep(100000);
    http_exchange_wake(exchange);
    return NULL;
}

static inline bool path_is(const struct http_exchange *exchange, const char *path)
{
    struct http_text text = http_exchange_path(exchange);
    return text.len == strlen(path) && memcmp(text.data, path, text.len) == 0;
}

static inline void answer_headers(struct http_exchange *exchange)
{
    struct http_text host = http_exchange_header(exchange, "host");
    struct http_text key = http_exchange_header(exchange, "x-api-key");
    struct http_text empty = http_exchange_header(exchange, "empty");
    struct http_text none = http_exchange_header(exchange, "none");
    char body[256];
    int len = snprintf(body, sizeof body, "%.*s|%.*s|%.*s|%s|end", (int)host.len, host.data, (int)key.len, key.data,
                       (int)empty.len, empty.data, none.data == NULL ? "absent" : "there");
    http_exchange_answer(exchange, 200, "text/plain", NULL, 0, body, (size_t)len);
}

static inline void ask_again(void *context, struct http_exchange *exchange)
{
    (void)context;
    http_exchange_again(exchange);
}

/* /again is given to the handler once more when the test wakes fixture->held, and then answered. /later is answered when another thread has woken it, /hold when the test wakes fixture->held, /forget not at all, anything
 * else at once. */
static inline void handle(void *context, struct http_exchange *exchange)
{
    struct fixture *fixture = context;
    if (path_is(exchange, "/later")) {
        unsigned waker = __atomic_fetch_add(&fixture->wakers_count, 1, __ATOMIC_RELAXED);
        assert_true(waker < WAKERS_MAX);
        http_exchange_keep(exchange, answer, context);
        assert_int_equal(pthread_create(&fixture->wakers[waker], NULL, wake_later, exchange), 0);
    } else if (path_is(exchange, "/header")) {
        answer_headers(exchange);
    } else if (path_is(exchange, "/204")) {
        http_exchange_answer(exchange, 204, NULL, NULL, 0, "", 0);
    } else if (path_is(exchange, "/hold")) {
        http_exchange_keep(exchange, answer, context);
        __atomic_store_n(&fixture->held, exchange, __ATOMIC_RELEASE);
    } else if (path_is(exchange, "/again") && __atomic_fetch_add(&fixture->asked_again, 1, __ATOMIC_RELAXED) == 0) {
        http_exchange_keep(exchange, ask_again, context);
        __atomic_store_n(&fixture->held, exchange, __ATOMIC_RELEASE);
    } else if (!path_is(exchange, "/forget")) {
        answer(context, exchange);
    }
}

/* Waits for a request of /hold. */
static inline struct http_exchange *held_by(struct fixture *fixture)
{
    struct http_exchange *held = NULL;
    for (unsigned i = 0; i < 5000 && held == NULL; i++) {
        held = __atomic_exchange_n(&fixture->held, NULL, __ATOMIC_ACQUIRE);
        (void)usleep(1000);
    }
    assert_non_null(held);
    return held;
}

static inline struct http_server_settings default_settings(void)
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

static inline struct fixture *start(const struct http_server_settings *settings)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error_detail detail = {""};
    assert_non_null(fixture);
    if (http_server_bind(settings, handle, fixture, &fixture->server, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    http_server_addresses(fixture->server, fixture->address);
    assert_int_equal(http_server_start(fixture->server, &detail), 0);
    return fixture;
}

static inline struct http_server_counters counters_of(const struct fixture *fixture)
{
    struct http_server_counters counters;
    http_server_counters(fixture->server, &counters);
    return counters;
}

static inline void end(struct fixture *fixture)
{
    http_server_stop(fixture->server, 1000);
    assert_int_equal(counters_of(fixture).connections, 0);
    for (unsigned i = 0; i < fixture->wakers_count; i++) {
        assert_int_equal(pthread_join(fixture->wakers[i], NULL), 0);
    }
    http_server_free(fixture->server);
    free(fixture);
}

static inline int dial(const struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = {.tv_sec = 5};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->address[0], sizeof(struct sockaddr_in)), 0);
    return fd;
}

static inline void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `ending` has come, or the connection ends (when `ending` is NULL). */
static inline const char *hear(int fd, const char *ending)
{
    static _Thread_local char heard[65536];
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

static inline void expect(const char *heard, const char *part)
{
    if (strstr(heard, part) == NULL) {
        fail_msg("'%s' is not in: %s", part, heard);
    }
}

/* Milliseconds until the server closes; what it says meanwhile is thrown away. */
static inline long milliseconds_until_close(int fd)
{
    struct timespec before, after;
    char octets[1024];
    clock_gettime(CLOCK_MONOTONIC, &before);
    while (recv(fd, octets, sizeof octets, 0) > 0) {
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

#endif
