/* http_internal.h: what the http_*.c files share: the server, its threads, connections and exchanges, over libh2o.
 *
 * A client's octets go: client socket -> TLS -> guard -> a socketpair -> libh2o, and the same way back. Every structure here
 * belongs to one loop thread, but for what is marked atomic and the server's settings, which do not change.
 *
 * What one connection can hold: RECEIVE_ROOM octets unread in its socket and as much in its input buffer, one TLS record of
 * plaintext in flight, PAIR_ROOM in either direction of the pair. Nothing is read from where the next one has not taken all.
 */
#ifndef TXTD_CONTROL_HTTP_INTERNAL_H
#define TXTD_CONTROL_HTTP_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
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

#define HTTP_PLAIN_CHUNK  16384 /* octets of plaintext in flight to libh2o: one TLS record */
#define HTTP_RECEIVE_ROOM 65536 /* octets of a client's socket; the kernel doubles it */
#define HTTP_PAIR_ROOM    65536 /* octets of each direction of the pair; likewise */

struct http_thread {
    struct http_server *server;
    pthread_t thread;
    bool running;
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    struct tls_thread *tls;
    h2o_multithread_queue_t *queue;
    h2o_multithread_receiver_t receiver; /* of exchanges that were woken */
    h2o_multithread_receiver_t arrivals; /* of connections that another thread has accepted */
    struct http_listening {
        struct http_thread *thread;
        const struct http_listener *listener;
        h2o_socket_t *socket;
        int fd; /* until the thread makes a socket of it */
    } listening[HTTP_LISTENERS_MAX];
    bool begun;                       /* takes messages; atomic, stays so until every thread has stopped */
    bool accepting;                   /* false for a tick when there are no descriptors */
    bool ended;                       /* its connections are closed: no handler is called any more */
    unsigned arriving;                /* connections on their way from another thread; atomic */
    unsigned open;                    /* connections; atomic, single writer */
    struct cds_list_head connections; /* the one without progress for longest first */
    uint64_t now_ms;
    struct cds_list_head exchanges; /* under way */
    struct http_server_counters
        counters; /* single writer; connections, their bound and resumed handshakes are the server's */
};

struct http_server {
    struct http_server_settings settings; /* with the real ports */
    http_handler_fn handler;
    void *context;
    bool stop;                      /* atomic */
    bool forget;                    /* atomic; nobody will wake an exchange any more */
    uint64_t stop_at_ms;            /* when requests that still run are given up; atomic */
    sem_t progress;                 /* a thread has begun, or has closed its connections */
    unsigned failed;                /* threads that could not begin; atomic */
    unsigned connections;           /* atomic; without the next */
    unsigned reserved;              /* atomic; connections of listeners with places of their own */
    int shared[HTTP_LISTENERS_MAX]; /* the listeners again, for a successor; -1: closed */
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

/* Why a client gets an answer that is not libh2o's. */
enum http_refusal {
    HTTP_REFUSAL_NONE,
    HTTP_REFUSAL_BAD,            /* 400 */
    HTTP_REFUSAL_TIMEOUT,        /* 408 */
    HTTP_REFUSAL_BODY_TOO_LARGE, /* 413 */
    HTTP_REFUSAL_EXPECTATION,    /* 417 */
    HTTP_REFUSAL_HEAD_TOO_LARGE, /* 431 */
};

struct http_connection {
    struct cds_list_head link;
    struct http_thread *thread;
    const struct http_listener *listener;
    struct tcp_client *client; /* NULL: not counted by client */
    uint8_t address[16];       /* of the client, as far as the connection tells */
    enum http_phase phase;
    bool http2;
    uint64_t since_ms;          /* of the last progress */
    uint64_t ended_then;        /* requests that had been received to their end by then */
    uint64_t answered_then;     /* and answers */
    bool in_request;            /* then */
    bool asked_last;            /* nothing more of the client goes to libh2o */
    enum http_refusal refusal;  /* to be said when libh2o has answered what came before */
    struct http_origin *origin; /* NULL before libh2o's end is opened */
    h2o_socket_t *outer;        /* to the client */
    h2o_socket_t *inner;        /* our end of the pair to libh2o; NULL before it is opened */
    struct tls_session *tls;
    struct http_guard guard;
    struct http2_guard guard2;
    bool inner_writing, outer_writing;
    uint8_t *plain; /* HTTP_PLAIN_CHUNK, in flight to libh2o */
    struct http_octets {
        uint8_t *data;
        size_t len, room;
    } out,      /* in flight to the client */
        queued; /* behind it */
};

/* Where exchanges came from; shared by the connection, libh2o's socket and the exchanges, which end in any order. */
struct http_origin {
    unsigned references;
    struct http_thread *thread;
    const struct http_listener *listener;
    uint64_t begun, answered; /* exchanges */
    uint8_t address[16];
};

/* Single writer. */
static inline void http_count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* --- http_thread.c --- */

/* A thread's whole life; the argument is a struct http_thread. */
void *http_thread_run(void *argument);

/* The monotonic clock. */
uint64_t http_now_ms(void);

/* --- http_accept.c; the loop's thread --- */

/* Takes connections from the listening sockets, if it has paused. */
void http_accept_again(struct http_thread *thread);

/* The receiver of connections that another thread has accepted. */
void http_accept_arrived(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages);

/* --- http_connection.c; the loop's thread --- */

/* Takes over an accepted socket; closes it when a limit says so. */
void http_connection_open(struct http_thread *thread, const struct http_listener *listener, h2o_socket_t *socket);
void http_connection_close(struct http_connection *connection);

/* Lets libh2o answer what it has been asked, then says `refusal` (if any) and closes. */
void http_connection_ask_no_more(struct http_connection *connection, enum http_refusal refusal);

/* --- http_opening.c; the loop's thread --- */

/* Goes on before HTTP_PHASE_OPEN. Returns true when that is reached; the connection may be gone when it is not. */
bool http_opening_advance(struct http_connection *connection);

/* --- http_output.c; the loop's thread --- */

/* Queues octets for the client as they are; `context` is the connection. False when out of memory. */
bool http_output_queue(void *context, const uint8_t *data, size_t len);

/* Queues plaintext, through TLS if there is any. */
bool http_output_plain(struct http_connection *connection, const void *data, size_t len);

/* Sends what is queued, if nothing is being sent. */
void http_output_flush(struct http_connection *connection);

/* Called when everything that was queued is sent. */
void http_connection_sent(struct http_connection *connection);

/* Sends the refusal, an answer in JSON of its own. False when out of memory. */
bool http_output_refusal(struct http_connection *connection, enum http_refusal refusal);

/* --- http_admission.c; the loop's thread --- */

/* Counts a connection among all. False: there are too many. */
bool http_admission_enter(struct http_thread *thread, const struct http_listener *listener);

/* Counts it for its client's address too. False: that client has too many. */
bool http_admission_enter_client(struct http_connection *connection);
void http_admission_leave(struct http_thread *thread, const struct http_listener *listener, struct tcp_client *client);

/* --- http_deadlines.c; the loop's thread --- */

/* Progress was made, of whatever kind. */
void http_deadlines_touch(struct http_connection *connection);

/* Octets went either way: progress if a request began or ended, or an answer was made. */
void http_deadlines_note(struct http_connection *connection);

/* Ends what has made no progress for too long. */
void http_deadlines_check(struct http_thread *thread);

/* Closes the connection that has kept a place, reserved or not, longest without use. False: all are in use, or new. Not from a callback of a
 * connection. */
bool http_deadlines_make_place(struct http_thread *thread, bool reserved);

/* --- http_exchange.c; the loop's thread --- */

void http_origin_release(void *pointer);

/* libh2o's handler for every request. */
int http_exchange_begin(h2o_handler_t *handler, h2o_req_t *request);

/* The receiver of woken exchanges. */
void http_exchange_woken(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages);

/* Frees those that nobody will wake. */
void http_exchange_forget(struct http_thread *thread);

/* --- http_client_address.c; pure --- */

/* Who asks, when `peer` sent these X-Forwarded-For values (the last header's last entry is the nearest). */
void http_client_address(const struct http_server_settings *settings, const uint8_t peer[16],
                         const struct http_text forwarded[], unsigned forwarded_count, uint8_t client[16]);

/* Whether the address is one of the trusted proxies'. */
bool http_is_trusted(const struct http_server_settings *settings, const uint8_t address[16]);

/* The IPv6 form of a socket's address, and back. */
void http_address_of(const struct sockaddr *from, uint8_t address[16]);
void http_address_to(const uint8_t address[16], struct sockaddr_storage *to);

#endif
