/* tcp_internal.h: what the parts of the TCP server share. All of it belongs to the server's one thread. */
#ifndef TXTD_DATAPLANE_IO_TCP_INTERNAL_H
#define TXTD_DATAPLANE_IO_TCP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <urcu/list.h>

#include "dataplane/io/tcp.h"

#define TCP_PREFIX_LEN  2 /* the length before each message, RFC 1035 section 4.2.2 */
#define TCP_MESSAGE_MAX 65535
#define TCP_FRAME_MAX   (TCP_PREFIX_LEN + TCP_MESSAGE_MAX)
#define TCP_ANSWERS_LEN ((size_t)4 * TCP_FRAME_MAX)

struct tcp_connection {
    struct cds_list_head link;    /* in `waiting` (for a query) or `sending`, the longest first; or in `given_up` */
    struct cds_list_head holding; /* in the server's `holding`, while `held` is not 0 */
    size_t held;                  /* octets of memory of `input` and `output` */
    struct tcp_client *client;
    struct sockaddr_storage address;
    int fd;
    bool ended;        /* the client sends no more */
    bool given_up;     /* has lost its buffers; to be closed at the end of the turn */
    uint32_t watched;  /* the events it is registered for */
    uint64_t since_ms; /* when it joined its list, or last made progress there */
    unsigned queries;
    uint8_t *input; /* what came and is not answered yet: a part of a query, or queries whose answers must wait */
    size_t input_len;
    uint8_t *output; /* what the client has not taken yet, NULL while there is nothing */
    size_t output_at, output_len;
};

struct tcp_server {
    const struct responder *responder;
    struct dns_tcp_limits limits;
    const bool *stop;
    int epoll;
    int listeners[DNS_SERVER_ADDRESSES_MAX];
    unsigned listeners_count;
    bool accepting; /* false for a turn after descriptors ran out */
    struct tcp_clients *clients;
    struct cds_list_head waiting, sending;
    struct cds_list_head holding;  /* connections that hold memory, the longest without progress first */
    struct cds_list_head given_up; /* closed at the end of the turn, for they may have an event in it still */
    struct respond_worker respond;
    struct respond_clock now;
    struct dns_tcp_counters counters; /* single writer */
    uint8_t *input;                   /* TCP_FRAME_MAX: what one read brought, behind what was there */
    uint8_t *answers;                 /* TCP_ANSWERS_LEN: answers on their way out */
};

/* Adds to a counter that any thread may read. */
static inline void tcp_count(uint64_t *counter, int64_t change)
{
    __atomic_store_n(counter, *counter + (uint64_t)change, __ATOMIC_RELAXED);
}

/* Moves to the end of the lists it belongs to: it has just made progress. */
void tcp_connection_touch(struct tcp_server *server, struct tcp_connection *connection);

/* Closes and frees at once: not while it may have an event in this turn still. */
void tcp_connection_close(struct tcp_server *server, struct tcp_connection *connection);

/* --- tcp_buffers.c: what clients leave in memory, bounded for each and for all --- */

/* Whether so much waits for the client that nothing more is answered, and so nothing more is read, until he takes it. */
bool tcp_output_blocked(const struct tcp_server *server, const struct tcp_connection *connection);

/* Sends, behind what waits already; keeps what the client does not take. False: the connection is to be closed. */
bool tcp_output_send(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data, size_t len);

/* Sends of what waits as much as the client takes. False: the connection is to be closed. */
bool tcp_output_flush(struct tcp_server *server, struct tcp_connection *connection);

/* Keeps what is not answered yet, instead of what was kept; `data` may lie in that. False: the connection is to be closed. */
bool tcp_input_keep(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data, size_t len);

/* Frees both buffers. */
void tcp_buffers_free(struct tcp_server *server, struct tcp_connection *connection);

/* --- tcp_serve.c: reads queries, answers them --- */

/* Does for the connection what its events call for; it may be gone afterwards. */
void tcp_connection_serve(struct tcp_server *server, struct tcp_connection *connection, uint32_t events);

#endif
