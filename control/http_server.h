/* http_server.h: HTTPS listeners and their threads; the only header through which the rest of txtd sees libh2o.
 *
 * Each thread runs its own h2o loop, context and TLS state, all created on that thread, and accepts from the listening sockets,
 * which all threads share: a thread with more connections than another leaves the next ones to it. A handler runs on its loop's
 * thread and must not block: it either answers at once, or keeps the exchange and answers later when any thread has called
 * http_exchange_wake.
 *
 * Requests that break HTTP's grammar, its framing or the limits never reach a handler; they are answered in JSON,
 * {"error":"bad_request","detail":"..."} (400), "request_timeout" (408), "request_too_large" (413), "expectation_failed" (417) or
 * "headers_too_large" (431), after the requests before them, and the connection ends.
 */
#ifndef TXTD_CONTROL_HTTP_SERVER_H
#define TXTD_CONTROL_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/error.h"

struct http_server;
struct http_exchange;
struct tls_context; /* control/tls.h: certificate, tickets; shared, reloadable */

#define HTTP_LISTENERS_MAX       16
#define HTTP_RESERVED_PLACES     16 /* connections of listeners that are `reserved`, all together */
#define HTTP_TRUSTED_PROXIES_MAX 64

/* A prefix in IPv6 form; IPv4 as ::ffff:0:0/96. */
struct ip_prefix {
    uint8_t address[16];
    uint8_t len;
};

struct http_listener {
    struct sockaddr_storage address; /* port 0 takes a free one */
    socklen_t address_len;
    bool tls;
    bool proxy_protocol; /* PROXY v1/v2 expected, from trusted_proxies only */
    bool reserved;       /* places of its own beside connections_max: monitoring works when all of those are taken */
    unsigned site;       /* handed to the handler: which set of paths this listener serves */
};

struct http_limits {
    unsigned connections_max;            /* total, all threads; at it those go first that have been idle longest */
    unsigned connections_per_client_max; /* per IPv4 /32 or IPv6 /64; not of trusted proxies */
    unsigned handshake_ms;
    unsigned request_ms; /* from the first byte of a request to its last */
    unsigned idle_ms;    /* keep-alive */
    size_t body_max;     /* octets; 413 above */
};

struct http_server_settings {
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    unsigned listeners_count;
    unsigned threads;
    int nice; /* of the loop threads: lower priority than the DNS workers; 0..19 */
    bool http2;
    struct http_limits limits;
    struct ip_prefix trusted_proxies[HTTP_TRUSTED_PROXIES_MAX];
    unsigned trusted_proxies_count;
    struct tls_context *tls; /* borrowed; needed when a listener says tls */
    /* A running server's listeners, as http_server_sockets lists them, instead of binding: one for each listener. Borrowed for the
     * bind, which takes the descriptors over if it succeeds. NULL: bind. */
    const int *inherited;
    unsigned inherited_count;
};

/* Called on a loop thread for each whole request (body included). */
typedef void (*http_handler_fn)(void *context, struct http_exchange *exchange);

struct http_server_counters {
    uint64_t connections;
    uint64_t connections_max; /* that there may be, reserved ones left out */
    uint64_t accepted, refused_total, refused_per_client, displaced, handshakes, handshakes_failed, handshakes_resumed,
        requests, timeouts, rejected, accept_pauses;
    uint64_t status[6]; /* answers by hundreds: [2] = 2xx */
};

/* Binds the listeners. Start-up thread, before privileges are dropped. Returns 0 or a code with a `detail` that names the
 * address. */
int http_server_bind(const struct http_server_settings *settings, http_handler_fn handler, void *context,
                     struct http_server **made, struct error_detail *detail);

/* The bound addresses with real ports, in the order of the settings. */
void http_server_addresses(const struct http_server *server, struct sockaddr_storage addresses[HTTP_LISTENERS_MAX]);

/* The listening sockets, for another process that is to serve them. Before http_server_stop. Returns how many there are, in
 * the order of the settings. They stay the server's. */
unsigned http_server_sockets(const struct http_server *server, int sockets[HTTP_LISTENERS_MAX]);

int http_server_start(struct http_server *server, struct error_detail *detail);

/* Stops accepting, lets requests that run finish for at most `drain_ms`, closes every connection. From then on no handler is
 * called. Exchanges that are kept even then may still be woken, and their on_wake runs, until http_server_free. */
void http_server_stop(struct http_server *server, unsigned drain_ms);

/* Stops what runs and ends the threads. Whoever wakes exchanges must have ended; those that nobody woke are dropped. */
void http_server_free(struct http_server *server);
void http_server_counters(const struct http_server *server, struct http_server_counters *sum);

/* --- One request and its answer: on the loop's thread unless said otherwise. --- */

struct http_text {
    const char *data; /* not NUL-terminated; NULL when absent */
    size_t len;
};

struct http_text http_exchange_method(const struct http_exchange *exchange);
struct http_text http_exchange_path(const struct http_exchange *exchange);  /* as sent, without the query string */
struct http_text http_exchange_query(const struct http_exchange *exchange); /* behind the '?', or absent */
struct http_text http_exchange_body(const struct http_exchange *exchange);
/* The first header of that name (lower case given), or absent. */
struct http_text http_exchange_header(const struct http_exchange *exchange, const char *name);
/* All headers of that name as one list, with commas between them (RFC 9110 section 5.3), or absent. Lives as long as the request. */
struct http_text http_exchange_header_lines(const struct http_exchange *exchange, const char *name);
unsigned http_exchange_site(const struct http_exchange *exchange);
/* Who asks: the TCP peer, or what trusted proxies say (right-most untrusted X-Forwarded-For entry, or PROXY protocol), as
 * IPv6 (IPv4-mapped for IPv4). */
void http_exchange_client(const struct http_exchange *exchange, uint8_t address[16]);

struct http_header {
    const char *name;  /* lower case; static */
    const char *value; /* copied */
};

/* Answers. Exactly once per exchange. Body and headers are copied. HEAD gets the headers alone. The exchange is gone
 * afterwards, unless it was kept. */
void http_exchange_answer(struct http_exchange *exchange, int status, const char *content_type,
                          const struct http_header headers[], unsigned headers_count, const char *body,
                          size_t body_len);

/* Keeps the exchange beyond the handler: `on_wake(context, exchange)` will run on this loop's thread after
 * http_exchange_wake. If the client goes away meanwhile on_wake runs all the same, and the answer goes nowhere. */
void http_exchange_keep(struct http_exchange *exchange, http_handler_fn on_wake, void *context);

/* From on_wake, instead of an answer: hands the exchange to the server's handler once more, as if it had just come in. After
 * http_server_stop no handler is called any more: the exchange is answered 503, to nobody. */
void http_exchange_again(struct http_exchange *exchange);

/* Any thread, exactly once for each kept exchange; never blocks. */
void http_exchange_wake(struct http_exchange *exchange);

#endif
