/* tcp.h: DNS over TCP (RFC 7766, RFC 9210): one thread with epoll, so that slow clients never touch the UDP path.
 *
 * Queries are answered as they arrive, pipelined ones without waiting for the client to read; answers that the client does
 * not take wait in a bounded buffer, and while that is full nothing more is read. Every connection has a deadline: for
 * its next whole query, or for progress of what is being sent.
 */
#ifndef TXTD_DATAPLANE_IO_TCP_H
#define TXTD_DATAPLANE_IO_TCP_H

#include <stdbool.h>

#include "dataplane/io/server.h"

struct tcp_server;

/* Makes a server over listening sockets (borrowed). Returns 0, TXTD_ENOMEM or TXTD_ESYS. Start-up thread. */
int tcp_server_new(const struct responder *responder, const struct dns_tcp_limits *limits, const int listeners[],
                   unsigned listeners_count, const bool *stop, struct tcp_server **made);

/* Serves until *stop; closes all connections. On its own thread, which it registers with QSBR. */
void tcp_server_run(struct tcp_server *server);

void tcp_server_free(struct tcp_server *server);

/* Any thread. */
const struct respond_counters *tcp_server_responses(const struct tcp_server *server);
void tcp_server_counters(const struct tcp_server *server, struct dns_tcp_counters *counters);

#endif
