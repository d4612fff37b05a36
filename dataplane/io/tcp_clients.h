/* tcp_clients.h: how many TCP connections each client prefix has: IPv4 /32, IPv6 /64. One thread. */
#ifndef TXTD_DATAPLANE_IO_TCP_CLIENTS_H
#define TXTD_DATAPLANE_IO_TCP_CLIENTS_H

#include <stdbool.h>

struct sockaddr;
struct tcp_clients;
struct tcp_client;

/* Counts for at most `connections_max` connections. NULL when out of memory. */
struct tcp_clients *tcp_clients_new(unsigned connections_max);
void tcp_clients_free(struct tcp_clients *clients);

/* Counts a connection. Returns the client to leave later, or NULL when it has `limit` connections already or memory is out. */
struct tcp_client *tcp_clients_enter(struct tcp_clients *clients, const struct sockaddr *address, unsigned limit);
void tcp_clients_leave(struct tcp_clients *clients, struct tcp_client *client);

#endif
