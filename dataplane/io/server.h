/* server.h: the DNS sockets and the threads that serve them.
 *
 * One pinned UDP worker per core, each with its own SO_REUSEPORT socket per listen address, and one TCP thread with
 * epoll. Sockets are bound first (as root), threads start last (after privileges were dropped and the table is loaded).
 */
#ifndef TXTD_DATAPLANE_IO_SERVER_H
#define TXTD_DATAPLANE_IO_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/error.h"
#include "dataplane/guard/rrl.h"
#include "dataplane/respond.h"

#define DNS_SERVER_ADDRESSES_MAX 64
#define DNS_SERVER_WORKERS_MAX   256

struct dns_server;

struct dns_address {
    struct sockaddr_storage address; /* with port; port 0 takes a free one, the same for UDP and TCP */
    socklen_t address_len;
};

struct dns_tcp_limits {
    unsigned connections_max;            /* total */
    unsigned connections_per_client_max; /* per IPv4 /32 or IPv6 /64 */
    unsigned idle_ms;                    /* without a whole query */
    unsigned send_ms;                    /* an answer that makes no progress */
    unsigned queries_per_connection_max; /* 0: no limit */
    size_t output_max;                   /* octets that wait for a client that pipelines and does not read */
    size_t buffered_max;                 /* octets that all connections leave in memory together; 0: no limit */
};

struct dns_server_settings {
    struct dns_address addresses[DNS_SERVER_ADDRESSES_MAX];
    unsigned addresses_count;
    unsigned workers;            /* 0: one per CPU this process may run on */
    bool pin;                    /* pin worker n to the n-th allowed CPU */
    unsigned gather_us;          /* how long a busy worker lets queries gather (gather.h); 0: not at all */
    unsigned udp_receive_buffer; /* SO_RCVBUF octets; 0: the system's */
    struct dns_tcp_limits tcp;
    bool rrl; /* rate limiting on; `rrl_settings` are per process, divided here */
    struct rrl_settings rrl_settings;
    /* Sockets of a running server, as dns_server_sockets lists them, instead of binding; borrowed for the bind, which takes the
     * descriptors over if it succeeds. NULL: bind. */
    const int *inherited;
    unsigned inherited_count;
};

/* What the TCP thread counts beside the responder's counters. */
struct dns_tcp_counters {
    uint64_t accepted, refused_total, refused_per_client, closed_idle, closed_slow, connections;
    uint64_t closed_memory; /* for they held memory longest when it ran out */
    uint64_t buffered;      /* octets that wait in memory now: parts of queries, and answers that are not taken */
};

/* Binds every socket. Start-up thread, before privileges are dropped. `responder` is borrowed.
 * Returns 0, or TXTD_EINVAL / TXTD_ESYS / TXTD_ENOMEM with a `detail` that names the address (a taken port, a missing one). */
int dns_server_bind(const struct dns_server_settings *settings, const struct responder *responder,
                    struct dns_server **made, struct error_detail *detail);

/* The bound addresses with their real ports, as many as settings had. */
void dns_server_addresses(const struct dns_server *server, struct dns_address addresses[DNS_SERVER_ADDRESSES_MAX]);

/* All sockets, for another process that is to serve them: a listener and then a socket for each worker, address after address.
 * Returns how many there are; writes at most `room`. They stay the server's. */
unsigned dns_server_sockets(const struct dns_server *server, int sockets[], unsigned room);

/* Starts the workers and the TCP thread; again, too, after a stop. Returns 0 or TXTD_ESYS. */
int dns_server_start(struct dns_server *server, struct error_detail *detail);

/* Stops: answers what was received, joins the threads (bounded: each wakes at least every 200 ms). */
void dns_server_stop(struct dns_server *server);

/* Closes the sockets and frees everything. After dns_server_stop, or instead of start. */
void dns_server_free(struct dns_server *server);

/* Sums the counters of all workers into *sum. Any thread, any time between bind and free. */
void dns_server_counters(const struct dns_server *server, struct respond_counters *sum, struct dns_tcp_counters *tcp);

#endif
