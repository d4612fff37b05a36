#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "dataplane/io/latency.h"
#include "dataplane/io/tcp_internal.h"

#define TURN_MAX ((size_t)16 * TCP_FRAME_MAX) /* answers to one connection before the others have their turn */

/* Answers one query, in place, at the end of the answers. Returns the octets added, 0 when there is no answer. */
static size_t answer_one(struct tcp_server *server, const struct tcp_connection *connection, uint8_t *frame,
                         const uint8_t *query, size_t query_len)
{
    memcpy(frame + TCP_PREFIX_LEN, query, query_len);
    struct packet packet = {.wire = frame + TCP_PREFIX_LEN,
                            .len = (uint16_t)query_len,
                            .capacity = TCP_MESSAGE_MAX,
                            .transport = TRANSPORT_TCP,
                            .client = (const struct sockaddr *)&connection->address};
    const uint64_t begin_ns = latency_begin(&server->respond);
    respond_burst(server->responder, &server->respond, &server->now, &packet, 1);
    latency_end(&server->respond, TRANSPORT_TCP, begin_ns, 1); /* sending is up to the client's window */
    if (packet.len == 0) {
        return 0;
    }
    frame[0] = (uint8_t)(packet.len >> 8);
    frame[1] = (uint8_t)packet.len;
    return TCP_PREFIX_LEN + (size_t)packet.len;
}

static size_t frame_len(const uint8_t *data, size_t len)
{
    return len < TCP_PREFIX_LEN ? SIZE_MAX : TCP_PREFIX_LEN + ((size_t)data[0] << 8 | data[1]);
}

static bool may_ask(const struct tcp_server *server, const struct tcp_connection *connection)
{
    return server->limits.queries_per_connection_max == 0 ||
           connection->queries < server->limits.queries_per_connection_max;
}

static bool holds_whole_query(const struct tcp_connection *connection)
{
    return frame_len(connection->input, connection->input_len) <= connection->input_len;
}

/* Answers the whole queries of data[0..len) for as long as the client takes the answers (RFC 7766 section 6.2.1.1) and the
 * turn lasts. Sets *used to the octets they took. False: the connection is to be closed. */
static bool answer_all(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data, size_t len,
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
        if (TCP_ANSWERS_LEN - answers_len < TCP_FRAME_MAX) {
            if (!tcp_output_send(server, connection, server->answers, answers_len)) {
                return false;
            }
            answers_len = 0;
        }
        if (tcp_output_blocked(server, connection) || turn_len > TURN_MAX) {
            break;
        }
        connection->queries++;
        size_t added = answer_one(server, connection, server->answers + answers_len, data + *used + TCP_PREFIX_LEN,
                                  frame - TCP_PREFIX_LEN);
        if (added == 0) {
            return false; /* not DNS: no reason to listen further */
        }
        answers_len += added;
        turn_len += added;
    }
    return answers_len == 0 || tcp_output_send(server, connection, server->answers, answers_len);
}

static void watch(struct tcp_server *server, struct tcp_connection *connection, uint32_t events)
{
    if (connection->watched != events) {
        struct epoll_event event = {.events = events, .data.ptr = connection};
        (void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event);
        connection->watched = events;
    }
}

/* Answers what is whole and keeps the rest. False: the connection is to be closed. */
static bool answer_and_keep(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data,
                            size_t len)
{
    size_t used;
    if (!answer_all(server, connection, data, len, &used) ||
        !tcp_input_keep(server, connection, data + used, len - used)) {
        return false;
    }
    if (used > 0) {
        tcp_connection_touch(server,
                             connection); /* a part of a query is no progress: a slow writer runs into his deadline */
    }
    return true;
}

/* Reads once and answers what is whole. False: the connection is to be closed. */
static bool read_and_answer(struct tcp_server *server, struct tcp_connection *connection)
{
    if (connection->input_len > 0) {
        memcpy(server->input, connection->input, connection->input_len);
    }
    /* There is room: what is kept here is shorter than one frame. */
    ssize_t received = recv(connection->fd, server->input + connection->input_len,
                            TCP_FRAME_MAX - connection->input_len, MSG_DONTWAIT);
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
static bool is_done(const struct tcp_connection *connection)
{
    return connection->ended && connection->output == NULL && !holds_whole_query(connection);
}

void tcp_connection_serve(struct tcp_server *server, struct tcp_connection *connection, uint32_t events)
{
    if (connection->given_up) {
        return;
    }
    bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;
    if (alive && (events & EPOLLOUT) != 0 && connection->output != NULL) {
        alive = tcp_output_flush(server, connection);
    }
    if (alive && !tcp_output_blocked(server, connection)) {
        if (holds_whole_query(connection)) {
            alive = answer_and_keep(server, connection, connection->input, connection->input_len);
        } else if ((events & EPOLLIN) != 0 && !connection->ended) {
            alive = read_and_answer(server, connection);
        }
    }
    if (!alive || is_done(connection)) {
        tcp_connection_close(server, connection);
        return;
    }
    bool waits = holds_whole_query(connection); /* for its next turn, or for the client */
    bool reads = !connection->ended && !waits && !tcp_output_blocked(server, connection);
    watch(server, connection, (reads ? EPOLLIN : 0u) | (connection->output != NULL || waits ? EPOLLOUT : 0u));
}
