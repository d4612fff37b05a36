/* fake_http.h: stands in for the HTTP server in tests of handlers: one request, and what was answered.
 *
 * To be included by one test program; it defines the functions of http_server.h that handlers call. An exchange that is woken
 * is answered when the test calls fake_http_loop, as the loop's thread would.
 */
#ifndef TXTD_TESTS_FAKE_HTTP_H
#define TXTD_TESTS_FAKE_HTTP_H

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/http_server.h"

enum { FAKE_HTTP_HEADERS_MAX = 16, FAKE_HTTP_BODY_MAX = 65536 };

struct http_exchange {
    const char *method, *path, *query, *body;
    struct http_header headers[FAKE_HTTP_HEADERS_MAX];
    unsigned headers_count;
    unsigned site;
    uint8_t client[16];

    http_handler_fn on_wake;
    void *context;
    unsigned wakes;
    http_handler_fn handler; /* whom http_exchange_again calls */
    void *handler_context;

    int status; /* 0: not answered */
    char content_type[64];
    char answer_headers[1024]; /* "name: value\n" each */
    char answer[FAKE_HTTP_BODY_MAX];
};

static inline struct http_text fake_http_text(const char *text)
{
    return (struct http_text){text, text == NULL ? 0 : strlen(text)};
}

struct http_text http_exchange_method(const struct http_exchange *exchange)
{
    return fake_http_text(exchange->method);
}

struct http_text http_exchange_path(const struct http_exchange *exchange)
{
    return fake_http_text(exchange->path);
}

struct http_text http_exchange_query(const struct http_exchange *exchange)
{
    return fake_http_text(exchange->query);
}

struct http_text http_exchange_body(const struct http_exchange *exchange)
{
    return fake_http_text(exchange->body);
}

struct http_text http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    for (unsigned i = 0; i < exchange->headers_count; i++) {
        if (strcasecmp(exchange->headers[i].name, name) == 0) {
            return fake_http_text(exchange->headers[i].value);
        }
    }
    return (struct http_text){NULL, 0};
}

struct http_text http_exchange_header_lines(const struct http_exchange *exchange, const char *name)
{
    return http_exchange_header(exchange, name);
}

unsigned http_exchange_site(const struct http_exchange *exchange)
{
    return exchange->site;
}

void http_exchange_client(const struct http_exchange *exchange, uint8_t address[16])
{
    memcpy(address, exchange->client, sizeof exchange->client);
}

void http_exchange_answer(struct http_exchange *exchange, int status, const char *content_type,
                          const struct http_header headers[], unsigned headers_count, const char *body, size_t body_len)
{
    assert_int_equal(exchange->status, 0); /* exactly once */
    assert_true(body_len < sizeof exchange->answer);
    exchange->status = status;
    (void)snprintf(exchange->content_type, sizeof exchange->content_type, "%s", content_type);
    for (unsigned i = 0; i < headers_count; i++) {
        size_t len = strlen(exchange->answer_headers);
        (void)snprintf(exchange->answer_headers + len, sizeof exchange->answer_headers - len, "%s: %s\n",
                       headers[i].name, headers[i].value);
    }
    memcpy(exchange->answer, body, body_len);
    exchange->answer[body_len] = '\0';
}

void http_exchange_keep(struct http_exchange *exchange, http_handler_fn on_wake, void *context)
{
    assert_null(exchange->on_wake);
    exchange->on_wake = on_wake;
    exchange->context = context;
}

void http_exchange_wake(struct http_exchange *exchange)
{
    assert_non_null(exchange->on_wake);                              /* kept first */
    (void)__atomic_add_fetch(&exchange->wakes, 1, __ATOMIC_RELEASE); /* maybe on another thread */
}

void http_exchange_again(struct http_exchange *exchange)
{
    exchange->handler(exchange->handler_context, exchange);
}

/* What the loop does next: runs on_wake if the exchange was woken. */
static inline void fake_http_loop(struct http_exchange *exchange)
{
    if (exchange->on_wake != NULL && exchange->status == 0 && __atomic_load_n(&exchange->wakes, __ATOMIC_ACQUIRE) > 0) {
        http_handler_fn on_wake = exchange->on_wake;
        assert_int_equal(exchange->wakes, 1);
        exchange->on_wake = NULL;
        exchange->wakes = 0;
        on_wake(exchange->context, exchange);
    }
}

void http_server_counters(const struct http_server *server, struct http_server_counters *counters)
{
    (void)server;
    memset(counters, 0, sizeof *counters);
}

#endif
