#include "dataplane/io/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/io/clock.h"
#include "dataplane/io/socket.h"
#include "dataplane/io/tcp_clients.h"
#include "dataplane/io/tcp_internal.h"

#define EVENTS_MAX  256
#define ACCEPTS_MAX 64   /* of one listener in one turn */
#define PRESSED_MS  1000 /* a connection idle for so long makes room for a new one */

/* --- Connections --- */

void tcp_connection_touch(struct tcp_server *server, struct tcp_connection *connection)
{
    connection->since_ms = server->now.mono_ms;
    cds_list_del(&connection->link);
    cds_list_add_tail(&connection->link, connection->output != NULL ? &server->sending : &server->waiting);
    if (connection->held > 0) {
        cds_list_del(&connection->holding);
        cds_list_add_tail(&connection->holding, &server->holding);
    }
}

void tcp_connection_close(struct tcp_server *server, struct tcp_connection *connection)
{
    tcp_buffers_free(server, connection);
    cds_list_del(&connection->link);
    tcp_clients_leave(server->clients, connection->client);
    (void)close(connection->fd);
    free(connection);
    tcp_count(&server->counters.connections, -1);
}

/* --- Accepting --- */

/* When all places are taken, the connection that has waited longest without asking makes room. */
static bool make_place(struct tcp_server *server)
{
    if (server->counters.connections < server->limits.connections_max) {
        return true;
    }
    if (!cds_list_empty(&server->waiting)) {
        struct tcp_connection *oldest = cds_list_first_entry(&server->waiting, struct tcp_connection, link);
        if (server->now.mono_ms - oldest->since_ms >= PRESSED_MS) {
            tcp_count(&server->counters.closed_idle, 1);
            tcp_connection_close(server, oldest);
            return true;
        }
    }
    tcp_count(&server->counters.refused_total, 1);
    return false;
}

static void connection_open(struct tcp_server *server, int fd, const struct sockaddr_storage *address)
{
    if (!make_place(server)) {
        (void)close(fd);
        return;
    }
    struct tcp_client *client =
        tcp_clients_enter(server->clients, (const struct sockaddr *)address, server->limits.connections_per_client_max);
    struct tcp_connection *connection = client == NULL ? NULL : calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection == NULL || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        tcp_count(&server->counters.refused_per_client, 1);
        if (client != NULL) {
            tcp_clients_leave(server->clients, client);
        }
        free(connection);
        (void)close(fd);
        return;
    }
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->fd = fd;
    connection->client = client;
    connection->address = *address;
    connection->watched = EPOLLIN;
    connection->since_ms = server->now.mono_ms;
    cds_list_add_tail(&connection->link, &server->waiting);
    tcp_count(&server->counters.connections, 1);
    tcp_count(&server->counters.accepted, 1);
}

static void listeners_watch(struct tcp_server *server, bool accepting)
{
    if (server->accepting == accepting) {
        return;
    }
    server->accepting = accepting;
    for (unsigned i = 0; i < server->listeners_count; i++) {
        struct epoll_event event = {.events = accepting ? EPOLLIN : 0, .data.ptr = &server->listeners[i]};
        (void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listeners[i], &event);
    }
}

static void accept_some(struct tcp_server *server, int listener)
{
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t address_len = sizeof address;
        int fd = accept4(listener, (struct sockaddr *)&address, &address_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                listeners_watch(server, false); /* until the next turn: no spinning on what cannot be accepted */
            }
            return;
        }
        connection_open(server, fd, &address);
    }
}

/* --- Deadlines --- */

static void close_late(struct tcp_server *server, struct cds_list_head *list, unsigned limit_ms, uint64_t *counter)
{
    while (!cds_list_empty(list)) {
        struct tcp_connection *first = cds_list_first_entry(list, struct tcp_connection, link);
        if (server->now.mono_ms - first->since_ms < limit_ms) {
            return;
        }
        tcp_count(counter, 1);
        tcp_connection_close(server, first);
    }
}

static void close_all(struct tcp_server *server, struct cds_list_head *list)
{
    while (!cds_list_empty(list)) {
        tcp_connection_close(server, cds_list_first_entry(list, struct tcp_connection, link));
    }
}

/* --- The thread --- */

static bool is_listener(const struct tcp_server *server, const void *pointer)
{
    const int *listener = pointer;
    return listener >= server->listeners && listener < server->listeners + DNS_SERVER_ADDRESSES_MAX;
}

static void serve_events(struct tcp_server *server, const struct epoll_event events[], int events_count)
{
    /* Connections first: an accept may close one that still has an event here. */
    for (int i = 0; i < events_count; i++) {
        if (!is_listener(server, events[i].data.ptr)) {
            tcp_connection_serve(server, events[i].data.ptr, events[i].events);
        }
    }
    close_all(server, &server->given_up);
    for (int i = 0; i < events_count; i++) {
        if (is_listener(server, events[i].data.ptr)) {
            accept_some(server, *(const int *)events[i].data.ptr);
        }
    }
}

void tcp_server_run(struct tcp_server *server)
{
    struct epoll_event events[EVENTS_MAX];
    urcu_qsbr_register_thread();
    while (!__atomic_load_n(server->stop, __ATOMIC_ACQUIRE)) {
        urcu_qsbr_thread_offline();
        int events_count = epoll_wait(server->epoll, events, EVENTS_MAX, SOCKET_WAKE_MS);
        urcu_qsbr_thread_online();
        clock_read(&server->now);
        listeners_watch(server, true);
        serve_events(server, events, events_count);
        close_late(server, &server->waiting, server->limits.idle_ms, &server->counters.closed_idle);
        close_late(server, &server->sending, server->limits.send_ms, &server->counters.closed_slow);
    }
    close_all(server, &server->waiting);
    close_all(server, &server->sending);
    urcu_qsbr_unregister_thread();
}

int tcp_server_new(const struct responder *responder, const struct dns_tcp_limits *limits, const int listeners[],
                   unsigned listeners_count, const bool *stop, struct tcp_server **made)
{
    struct tcp_server *server = aligned_alloc(64, (sizeof *server + 63) / 64 * 64);
    if (server == NULL) {
        return TXTD_ENOMEM;
    }
    memset(server, 0, sizeof *server);
    server->responder = responder;
    responder_add_worker(responder, &server->respond);
    server->limits = *limits;
    server->stop = stop;
    server->accepting = true;
    CDS_INIT_LIST_HEAD(&server->waiting);
    CDS_INIT_LIST_HEAD(&server->sending);
    CDS_INIT_LIST_HEAD(&server->holding);
    CDS_INIT_LIST_HEAD(&server->given_up);
    server->clients = tcp_clients_new(limits->connections_max);
    server->input = malloc(TCP_FRAME_MAX);
    server->answers = malloc(TCP_ANSWERS_LEN);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    int rc = server->clients == NULL || server->input == NULL || server->answers == NULL ? TXTD_ENOMEM : 0;
    rc = rc == 0 && server->epoll < 0 ? TXTD_ESYS : rc;
    for (unsigned i = 0; rc == 0 && i < listeners_count; i++) {
        server->listeners[i] = listeners[i];
        server->listeners_count++;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->listeners[i]};
        rc = epoll_ctl(server->epoll, EPOLL_CTL_ADD, listeners[i], &event) == 0 ? 0 : TXTD_ESYS;
    }
    if (rc != 0) {
        tcp_server_free(server);
        return rc;
    }
    *made = server;
    return 0;
}

void tcp_server_free(struct tcp_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->epoll >= 0) {
        (void)close(server->epoll);
    }
    tcp_clients_free(server->clients);
    free(server->input);
    free(server->answers);
    free(server);
}

const struct respond_counters *tcp_server_responses(const struct tcp_server *server)
{
    return &server->respond.counters;
}

void tcp_server_counters(const struct tcp_server *server, struct dns_tcp_counters *counters)
{
    const uint64_t *from = (const uint64_t *)&server->counters;
    uint64_t *to = (uint64_t *)counters;
    for (unsigned i = 0; i < sizeof *counters / sizeof *to; i++) {
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}
