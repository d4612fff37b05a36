#include "dataplane/io/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <urcu/list.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/io/clock.h"
#include "dataplane/io/socket.h"
#include "dataplane/io/tcp_clients.h"

#define EVENTS_MAX  256
#define ACCEPTS_MAX 64 /* of one listener in one turn */
#define PREFIX_LEN  2  /* the length before each message, RFC 1035 section 4.2.2 */
#define MESSAGE_MAX 65535
#define FRAME_MAX   (PREFIX_LEN + MESSAGE_MAX)
#define ANSWERS_LEN ((size_t)4 * FRAME_MAX)
#define TURN_MAX    ((size_t)16 * FRAME_MAX) /* answers to one connection before the others have their turn */
#define PRESSED_MS  1000                     /* a connection idle for so long makes room for a new one */

struct connection {
    struct cds_list_head link; /* in `waiting` (for a query) or `sending`, the longest first */
    struct tcp_client *client;
    struct sockaddr_storage address;
    int fd;
    bool ended;        /* the client sends no more */
    bool is_sending;   /* which list it is in */
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
    struct respond_worker respond;
    struct respond_clock now;
    struct dns_tcp_counters counters; /* single writer */
    uint8_t *input;                   /* FRAME_MAX: what one read brought, behind what was there */
    uint8_t *answers;                 /* ANSWERS_LEN: answers on their way out */
};

static void count(uint64_t *counter, int64_t change)
{
    __atomic_store_n(counter, *counter + (uint64_t)change, __ATOMIC_RELAXED);
}

/* --- Connections --- */

static void watch(struct tcp_server *server, struct connection *connection, uint32_t events)
{
    if (connection->watched != events) {
        struct epoll_event event = {.events = events, .data.ptr = connection};
        (void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event);
        connection->watched = events;
    }
}

/* Moves to the end of the list it belongs to: it has just made progress. */
static void touch(struct tcp_server *server, struct connection *connection)
{
    connection->since_ms = server->now.mono_ms;
    connection->is_sending = connection->output != NULL;
    cds_list_del(&connection->link);
    cds_list_add_tail(&connection->link, connection->is_sending ? &server->sending : &server->waiting);
}

static void connection_close(struct tcp_server *server, struct connection *connection)
{
    cds_list_del(&connection->link);
    tcp_clients_leave(server->clients, connection->client);
    (void)close(connection->fd);
    free(connection->input);
    free(connection->output);
    free(connection);
    count(&server->counters.connections, -1);
}

/* --- Output --- */

/* Whether so much waits for the client that nothing more is answered, and so nothing more is read, until he takes it. */
static bool is_blocked(const struct tcp_server *server, const struct connection *connection)
{
    return connection->output_len - connection->output_at > server->limits.output_max;
}

/* Keeps what the client did not take. Returns false when it is more than a client may leave waiting. */
static bool keep_output(struct tcp_server *server, struct connection *connection, const uint8_t *data, size_t len)
{
    size_t left = connection->output_len - connection->output_at;
    /* Nothing is answered to a connection that is_blocked, so this holds; it is the bound of what one may hold. */
    if (left + len > server->limits.output_max + ANSWERS_LEN) {
        return false;
    }
    uint8_t *output = malloc(left + len);
    if (output == NULL) {
        return false;
    }
    if (left > 0) {
        memcpy(output, connection->output + connection->output_at, left);
    }
    memcpy(output + left, data, len);
    free(connection->output);
    connection->output = output;
    connection->output_at = 0;
    connection->output_len = left + len;
    return true;
}

/* Sends as much as the client takes. Returns false when the connection is broken. */
static bool send_some(struct connection *connection, const uint8_t *data, size_t len, size_t *sent)
{
    *sent = 0;
    while (*sent < len) {
        ssize_t count_sent = send(connection->fd, data + *sent, len - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count_sent < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        }
        *sent += (size_t)count_sent;
    }
    return true;
}

static bool output_send(struct connection *connection, const uint8_t *data, size_t len, struct tcp_server *server)
{
    size_t sent = 0;
    if (connection->output == NULL && !send_some(connection, data, len, &sent)) {
        return false;
    }
    return sent == len || keep_output(server, connection, data + sent, len - sent);
}

static bool output_flush(struct tcp_server *server, struct connection *connection)
{
    size_t sent;
    if (!send_some(connection, connection->output + connection->output_at,
                   connection->output_len - connection->output_at, &sent)) {
        return false;
    }
    connection->output_at += sent;
    if (connection->output_at == connection->output_len) {
        free(connection->output);
        connection->output = NULL;
        connection->output_at = connection->output_len = 0;
    }
    if (sent > 0) {
        touch(server, connection);
    }
    return true;
}

/* --- Queries --- */

/* Answers one query, in place, at the end of the answers. Returns the octets added, 0 when there is no answer. */
static size_t answer_one(struct tcp_server *server, const struct connection *connection, uint8_t *frame,
                         const uint8_t *query, size_t query_len)
{
    memcpy(frame + PREFIX_LEN, query, query_len);
    struct packet packet = {.wire = frame + PREFIX_LEN,
                            .len = (uint16_t)query_len,
                            .capacity = MESSAGE_MAX,
                            .transport = TRANSPORT_TCP,
                            .client = (const struct sockaddr *)&connection->address};
    respond_burst(server->responder, &server->respond, &server->now, &packet, 1);
    if (packet.len == 0) {
        return 0;
    }
    frame[0] = (uint8_t)(packet.len >> 8);
    frame[1] = (uint8_t)packet.len;
    return PREFIX_LEN + (size_t)packet.len;
}

static size_t frame_len(const uint8_t *data, size_t len)
{
    return len < PREFIX_LEN ? SIZE_MAX : PREFIX_LEN + ((size_t)data[0] << 8 | data[1]);
}

static bool may_ask(const struct tcp_server *server, const struct connection *connection)
{
    return server->limits.queries_per_connection_max == 0 ||
           connection->queries < server->limits.queries_per_connection_max;
}

static bool holds_whole_query(const struct connection *connection)
{
    return frame_len(connection->input, connection->input_len) <= connection->input_len;
}

/* Answers the whole queries of data[0..len) for as long as the client takes the answers (RFC 7766 section 6.2.1.1) and the
 * turn lasts. Sets *used to the octets they took. False: the connection is to be closed. */
static bool answer_all(struct tcp_server *server, struct connection *connection, const uint8_t *data, size_t len,
                       size_t *used)
{
    size_t answers_len = 0, turn_len = 0;
    *used = 0;
    for (size_t frame; (frame = frame_len(data + *used, len - *used)) <= len - *used; *used += frame) {
        if (!may_ask(server, connection)) {
            connection->ended = true; /* what was answered is still sent */
            *used = len;
            break;
        }
        if (ANSWERS_LEN - answers_len < FRAME_MAX) {
            if (!output_send(connection, server->answers, answers_len, server)) {
                return false;
            }
            answers_len = 0;
        }
        if (is_blocked(server, connection) || turn_len > TURN_MAX) {
            break;
        }
        connection->queries++;
        size_t added = answer_one(server, connection, server->answers + answers_len, data + *used + PREFIX_LEN,
                                  frame - PREFIX_LEN);
        if (added == 0) {
            return false; /* not DNS: no reason to listen further */
        }
        answers_len += added;
        turn_len += added;
    }
    return answers_len == 0 || output_send(connection, server->answers, answers_len, server);
}

/* Keeps what is not answered yet; `data` may lie in what was kept before. */
static bool keep_input(struct connection *connection, const uint8_t *data, size_t len)
{
    uint8_t *input = NULL;
    if (len > 0) {
        input = malloc(len);
        if (input == NULL) {
            return false;
        }
        memcpy(input, data, len);
    }
    free(connection->input);
    connection->input = input;
    connection->input_len = len;
    return true;
}

/* Answers what is whole and keeps the rest. False: the connection is to be closed. */
static bool answer_and_keep(struct tcp_server *server, struct connection *connection, const uint8_t *data, size_t len)
{
    size_t used;
    if (!answer_all(server, connection, data, len, &used) || !keep_input(connection, data + used, len - used)) {
        return false;
    }
    if (used > 0) {
        touch(server, connection); /* a part of a query is no progress: a slow writer runs into his deadline */
    }
    return true;
}

/* Reads once and answers what is whole. False: the connection is to be closed. */
static bool read_and_answer(struct tcp_server *server, struct connection *connection)
{
    if (connection->input_len > 0) {
        memcpy(server->input, connection->input, connection->input_len);
    }
    /* There is room: what is kept here is shorter than one frame. */
    ssize_t received =
        recv(connection->fd, server->input + connection->input_len, FRAME_MAX - connection->input_len, MSG_DONTWAIT);
    if (received < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    }
    if (received == 0) {
        connection->ended = true;
        return true;
    }
    return answer_and_keep(server, connection, server->input, connection->input_len + (size_t)received);
}

/* Has done all that it is there for. */
static bool is_done(const struct connection *connection)
{
    return connection->ended && connection->output == NULL && !holds_whole_query(connection);
}

static void serve_connection(struct tcp_server *server, struct connection *connection, uint32_t events)
{
    bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;
    if (alive && (events & EPOLLOUT) != 0 && connection->output != NULL) {
        alive = output_flush(server, connection);
    }
    if (alive && !is_blocked(server, connection)) {
        if (holds_whole_query(connection)) {
            alive = answer_and_keep(server, connection, connection->input, connection->input_len);
        } else if ((events & EPOLLIN) != 0 && !connection->ended) {
            alive = read_and_answer(server, connection);
        }
    }
    if (!alive || is_done(connection)) {
        connection_close(server, connection);
        return;
    }
    bool waits = holds_whole_query(connection); /* for its next turn, or for the client */
    bool reads = !connection->ended && !waits && !is_blocked(server, connection);
    watch(server, connection, (reads ? EPOLLIN : 0u) | (connection->output != NULL || waits ? EPOLLOUT : 0u));
}

/* --- Accepting --- */

/* When all places are taken, the connection that has waited longest without asking makes room. */
static bool make_place(struct tcp_server *server)
{
    if (server->counters.connections < server->limits.connections_max) {
        return true;
    }
    if (!cds_list_empty(&server->waiting)) {
        struct connection *oldest = cds_list_first_entry(&server->waiting, struct connection, link);
        if (server->now.mono_ms - oldest->since_ms >= PRESSED_MS) {
            count(&server->counters.closed_idle, 1);
            connection_close(server, oldest);
            return true;
        }
    }
    count(&server->counters.refused_total, 1);
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
    struct connection *connection = client == NULL ? NULL : calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection == NULL || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        count(&server->counters.refused_per_client, 1);
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
    count(&server->counters.connections, 1);
    count(&server->counters.accepted, 1);
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
        struct connection *first = cds_list_first_entry(list, struct connection, link);
        if (server->now.mono_ms - first->since_ms < limit_ms) {
            return;
        }
        count(counter, 1);
        connection_close(server, first);
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
            serve_connection(server, events[i].data.ptr, events[i].events);
        }
    }
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
    while (!cds_list_empty(&server->waiting)) {
        connection_close(server, cds_list_first_entry(&server->waiting, struct connection, link));
    }
    while (!cds_list_empty(&server->sending)) {
        connection_close(server, cds_list_first_entry(&server->sending, struct connection, link));
    }
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
    server->limits = *limits;
    server->stop = stop;
    server->accepting = true;
    CDS_INIT_LIST_HEAD(&server->waiting);
    CDS_INIT_LIST_HEAD(&server->sending);
    server->clients = tcp_clients_new(limits->connections_max);
    server->input = malloc(FRAME_MAX);
    server->answers = malloc(ANSWERS_LEN);
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
