/* http_internal.h: what the http_*.c files share: the server, its threads, connections and exchanges, over libh2o.
 *
 * A client's bytes go: client socket -> TLS -> guard -> a socketpair -> libh2o, and the same way back. Every structure here
 * belongs to one loop thread, but for what is marked atomic and the server's settings, which do not change.
 */
#ifndef TXTD_CONTROL_HTTP_INTERNAL_H
#define TXTD_CONTROL_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <urcu/list.h>

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#include "control/http2_guard.h"
#include "control/http_guard.h"
#include "control/http_server.h"
#include "control/tls_session.h"
#include "dataplane/io/tcp_clients.h"

#define HTTP_PLAIN_CHUNK 16384 /* octets of plaintext in flight to libh2o: one TLS record */
#define HTTP_LINGER_MS   2000  /* for a refused client to read why */
#define HTTP_ANSWER_MS   60000 /* for an answer to be made and taken */
#define HTTP_TICK_MS     100   /* between two looks at the deadlines */
#define HTTP_ACCEPTS_MAX 32    /* of one listener in one turn */

struct http_thread {
    struct http_server *server;
    pthread_t thread;
    bool running;
    bool ready; /* atomic: its loop runs */
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    struct tls_thread *tls;
    h2o_multithread_queue_t *queue;
    h2o_multithread_receiver_t receiver;
    struct http_listening {
        struct http_thread *thread;
        const struct http_listener *listener;
        h2o_socket_t *socket;
        int fd; /* until the thread makes a socket of it */
    } listening[HTTP_LISTENERS_MAX];
    bool accepting;                   /* false for a tick after descriptors ran out */
    struct cds_list_head connections; /* the one without progress for longest first */
    uint64_t now_ms;
    unsigned exchanges;                   /* under way */
    struct http_server_counters counters; /* single writer; connections and resumed handshakes are the server's */
};

struct http_server {
    struct http_server_settings settings; /* with the real ports */
    http_handler_fn handler;
    void *context;
    bool stop;            /* atomic */
    uint64_t stop_at_ms;  /* when requests that still run are given up; atomic */
    unsigned connections; /* atomic */
    pthread_mutex_t clients_lock;
    struct tcp_clients *clients;  /* under the lock */
    struct http_thread threads[]; /* settings.threads */
};

enum http_phase {
    HTTP_PHASE_PROXY,     /* its PROXY header */
    HTTP_PHASE_HANDSHAKE, /* TLS */
    HTTP_PHASE_OPEN,
    HTTP_PHASE_LINGER, /* refused; what still comes is thrown away */
    HTTP_PHASE_ENDING, /* closed when the last octets are sent */
};

struct http_connection {
    struct cds_list_head link;
    struct http_thread *thread;
    const struct http_listener *listener;
    struct tcp_client *client;
    uint8_t address[16]; /* of the client, as far as the connection tells */
    enum http_phase phase;
    bool http2;
    uint64_t since_ms; /* of the last progress; in a request: of its first octet */
    bool in_request;
    bool asked_last;            /* the client sends no more, but may wait for answers */
    struct http_origin *origin; /* NULL before libh2o's end is opened */
    h2o_socket_t *outer;        /* to the client */
    h2o_socket_t *inner;        /* our end of the pair to libh2o; NULL before it is opened */
    struct tls_session *tls;
    struct http_guard guard;
    struct http2_guard guard2;
    bool inner_writing, outer_writing;
    uint8_t *plain; /* HTTP_PLAIN_CHUNK, in flight to libh2o */
    uint8_t *out;   /* in flight to the client */
    size_t out_len, out_room;
    uint8_t *queued; /* behind it */
    size_t queued_len, queued_room;
};

/* Where exchanges came from; shared by the connection, libh2o's socket and the exchanges, which end in any order. */
struct http_origin {
    unsigned references;
    struct http_thread *thread;
    const struct http_listener *listener;
    uint64_t answered; /* exchanges */
    uint8_t address[16];
};

/* Single writer. */
static inline void http_count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* --- http_connection.c; the loop's thread --- */

/* Takes over an accepted socket; closes it when a limit says so. */
void http_connection_open(struct http_thread *thread, const struct http_listener *listener, h2o_socket_t *socket);
void http_connection_close(struct http_connection *connection);

/* Closes what has made no progress for too long. */
void http_connections_check(struct http_thread *thread);

/* --- http_exchange.c; the loop's thread --- */

void http_origin_release(void *pointer);

/* libh2o's handler for every request. */
int http_exchange_begin(h2o_handler_t *handler, h2o_req_t *request);

/* The receiver of woken exchanges. */
void http_exchange_woken(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages);

/* --- http_client_address.c; pure --- */

/* Who asks, when `peer` sent these X-Forwarded-For values (the last header's last entry is the nearest). */
void http_client_address(const struct http_server_settings *settings, const uint8_t peer[16],
                         const struct http_text forwarded[], unsigned forwarded_count, uint8_t client[16]);

/* Whether the address is one of the trusted proxies'. */
bool http_is_trusted(const struct http_server_settings *settings, const uint8_t address[16]);

/* The IPv6 form of a socket's address. */
void http_address_of(const struct sockaddr *from, uint8_t address[16]);

#endif
