#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/io/tcp_internal.h"

/* --- The memory of all --- */

static void held_change(struct tcp_server *server, struct tcp_connection *connection, size_t from, size_t to)
{
    bool held_some = connection->held > 0;
    connection->held += to - from;
    tcp_count(&server->counters.buffered, (int64_t)to - (int64_t)from);
    if (!held_some && connection->held > 0) {
        cds_list_add_tail(&connection->holding, &server->holding);
    } else if (held_some && connection->held == 0) {
        cds_list_del(&connection->holding);
    }
}

static void give_up(struct tcp_server *server, struct tcp_connection *connection)
{
    tcp_buffers_free(server, connection);
    connection->given_up = true;
    cds_list_del(&connection->link);
    cds_list_add_tail(&connection->link, &server->given_up);
    tcp_count(&server->counters.closed_memory, 1);
}

/* Makes room for so many octets more, at the cost of those who have held memory longest without progress: a client that reads and asks without
 * pauses holds none for long. False: there is none, nobody but this connection holds any. */
static bool make_room(struct tcp_server *server, const struct tcp_connection *connection, size_t len)
{
    while (server->limits.buffered_max > 0 && server->counters.buffered + len > server->limits.buffered_max) {
        struct tcp_connection *longest = NULL, *other;
        cds_list_for_each_entry(other, &server->holding, holding)
        {
            if (other != connection) {
                longest = other;
                break;
            }
        }
        if (longest == NULL) {
            tcp_count(&server->counters.closed_memory, 1);
            return false;
        }
        give_up(server, longest);
    }
    return true;
}

void tcp_buffers_free(struct tcp_server *server, struct tcp_connection *connection)
{
    held_change(server, connection, connection->held, 0);
    free(connection->input);
    free(connection->output);
    connection->input = connection->output = NULL;
    connection->input_len = connection->output_at = connection->output_len = 0;
}

/* --- Output --- */

bool tcp_output_blocked(const struct tcp_server *server, const struct tcp_connection *connection)
{
    return connection->output_len - connection->output_at > server->limits.output_max;
}

/* Keeps what the client did not take. Returns false when it is more than a client may leave waiting. */
static bool keep_output(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data, size_t len)
{
    size_t left = connection->output_len - connection->output_at;
    /* Nothing is answered to a connection whose output is blocked, so this holds; it is the bound of what one may hold. */
    if (left + len > server->limits.output_max + TCP_ANSWERS_LEN || !make_room(server, connection, len)) {
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
    held_change(server, connection, connection->output_len, left + len);
    connection->output = output;
    connection->output_at = 0;
    connection->output_len = left + len;
    return true;
}

/* Sends as much as the client takes. Returns false when the connection is broken. */
static bool send_some(struct tcp_connection *connection, const uint8_t *data, size_t len, size_t *sent)
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

bool tcp_output_send(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data, size_t len)
{
    size_t sent = 0;
    if (connection->output == NULL && !send_some(connection, data, len, &sent)) {
        return false;
    }
    return sent == len || keep_output(server, connection, data + sent, len - sent);
}

bool tcp_output_flush(struct tcp_server *server, struct tcp_connection *connection)
{
    size_t sent;
    if (!send_some(connection, connection->output + connection->output_at,
                   connection->output_len - connection->output_at, &sent)) {
        return false;
    }
    connection->output_at += sent;
    if (connection->output_at == connection->output_len) {
        held_change(server, connection, connection->output_len, 0);
        free(connection->output);
        connection->output = NULL;
        connection->output_at = connection->output_len = 0;
    }
    if (sent > 0) {
        tcp_connection_touch(server, connection);
    }
    return true;
}

/* --- Input --- */

bool tcp_input_keep(struct tcp_server *server, struct tcp_connection *connection, const uint8_t *data, size_t len)
{
    uint8_t *input = NULL;
    if (len > connection->input_len && !make_room(server, connection, len - connection->input_len)) {
        return false;
    }
    if (len > 0) {
        input = malloc(len);
        if (input == NULL) {
            return false;
        }
        memcpy(input, data, len);
    }
    free(connection->input);
    held_change(server, connection, connection->input_len, len);
    connection->input = input;
    connection->input_len = len;
    return true;
}
