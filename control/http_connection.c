/* One client connection: its octets between the client's socket and libh2o. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/http_internal.h"

static void pump_in(struct http_connection *connection);
static void on_outer_read(h2o_socket_t *socket, const char *error);
static void on_inner_read(h2o_socket_t *socket, const char *error);

/* --- The end --- */

/* Sends what waits and closes then. */
static void end(struct http_connection *connection)
{
    h2o_socket_read_stop(connection->outer);
    if (connection->inner != NULL) {
        h2o_socket_read_stop(connection->inner);
    }
    connection->phase = HTTP_PHASE_ENDING;
    if (connection->tls != NULL) {
        tls_session_close(connection->tls);
    }
    http_output_flush(connection);
    if (!connection->outer_writing) {
        http_connection_close(connection);
    }
}

/* libh2o has answered what it saw, and closed. */
static void refuse(struct http_connection *connection)
{
    h2o_socket_close(connection->inner);
    connection->inner = NULL;
    connection->inner_writing = false;
    if (!http_output_refusal(connection, connection->refusal)) {
        http_connection_close(connection);
        return;
    }
    if (connection->tls != NULL) {
        tls_session_close(connection->tls);
    }
    connection->phase = HTTP_PHASE_LINGER; /* closing with unread input would take the answer back */
    http_deadlines_touch(connection);
    h2o_socket_read_start(connection->outer, on_outer_read);
    http_output_flush(connection);
}

/* libh2o reads the end of its connection behind the requests that wait there, answers those and closes. */
void http_connection_ask_no_more(struct http_connection *connection, enum http_refusal refusal)
{
    connection->refusal = refusal;
    connection->asked_last = true;
    h2o_socket_read_stop(connection->outer);
    if (!connection->inner_writing) {
        (void)shutdown(h2o_socket_get_fd(connection->inner), SHUT_WR);
    }
}

/* --- From libh2o --- */

static void on_inner_read(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    if (error != NULL) {
        /* When libh2o closed before it was asked everything, there is nothing to add. */
        bool all_answered = connection->origin->answered >= connection->guard.ended;
        if (connection->refusal != HTTP_REFUSAL_NONE && all_answered) {
            refuse(connection);
        } else {
            end(connection);
        }
        return;
    }
    bool queued = http_output_plain(connection, socket->input->bytes, socket->input->size);
    h2o_buffer_consume(&socket->input, socket->input->size);
    if (!queued) {
        http_connection_close(connection);
        return;
    }
    http_deadlines_note(connection);
    h2o_socket_read_stop(socket); /* until the client has taken it */
    http_output_flush(connection);
}

void http_connection_sent(struct http_connection *connection)
{
    switch (connection->phase) {
    case HTTP_PHASE_ENDING: http_connection_close(connection); break;
    case HTTP_PHASE_LINGER: (void)shutdown(h2o_socket_get_fd(connection->outer), SHUT_WR); break;
    case HTTP_PHASE_OPEN: h2o_socket_read_start(connection->inner, on_inner_read); break;
    case HTTP_PHASE_PROXY:
    case HTTP_PHASE_HANDSHAKE: break;
    }
}

/* --- To libh2o --- */

static void on_inner_written(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    connection->inner_writing = false;
    if (error != NULL || connection->phase != HTTP_PHASE_OPEN) {
        return; /* libh2o has closed: its last answer comes by reading */
    }
    if (connection->asked_last) {
        (void)shutdown(h2o_socket_get_fd(socket), SHUT_WR);
        return;
    }
    h2o_socket_read_start(connection->outer, on_outer_read);
    pump_in(connection);
}

static enum http_refusal refusal_for(enum http_guard_verdict verdict)
{
    switch (verdict) {
    case HTTP_GUARD_PASS: return HTTP_REFUSAL_NONE;
    case HTTP_GUARD_BODY_TOO_LARGE: return HTTP_REFUSAL_BODY_TOO_LARGE;
    case HTTP_GUARD_EXPECTATION: return HTTP_REFUSAL_EXPECTATION;
    case HTTP_GUARD_HEAD_TOO_LARGE: return HTTP_REFUSAL_HEAD_TOO_LARGE;
    case HTTP_GUARD_BAD: break;
    }
    return HTTP_REFUSAL_BAD;
}

/* Plaintext that has arrived. Returns octets, 0 when there are none, or a negative code. */
static int read_plain(struct http_connection *connection)
{
    h2o_buffer_t **input = &connection->outer->input;
    if (connection->tls != NULL) {
        return tls_session_read(connection->tls, connection->plain, HTTP_PLAIN_CHUNK);
    }
    size_t some = (*input)->size < HTTP_PLAIN_CHUNK ? (*input)->size : HTTP_PLAIN_CHUNK;
    if (some > 0) {
        memcpy(connection->plain, (*input)->bytes, some);
        h2o_buffer_consume(input, some);
    }
    return (int)some;
}

/* How much of the plaintext libh2o may see. */
static size_t guard_plain(struct http_connection *connection, size_t len, enum http_refusal *refusal)
{
    size_t whole;
    *refusal = HTTP_REFUSAL_NONE;
    if (connection->http2) {
        return http2_guard_feed(&connection->guard2, connection->plain, len, connection->thread->now_ms) ? len : 0;
    }
    *refusal = refusal_for(http_guard_feed(&connection->guard, connection->plain, len, &whole));
    return *refusal == HTTP_REFUSAL_NONE ? len : whole;
}

/* Hands one chunk to libh2o. Returns false when there is none, or the connection has left this phase. */
static bool forward_chunk(struct http_connection *connection)
{
    int got = read_plain(connection);
    http_output_flush(connection); /* reading can make TLS speak */
    if (got == 0) {
        return false;
    }
    if (got == TXTD_ECLOSED) {
        http_connection_ask_no_more(connection, HTTP_REFUSAL_NONE);
        return false;
    }
    if (got < 0) {
        end(connection);
        return false;
    }
    enum http_refusal refusal;
    size_t good = guard_plain(connection, (size_t)got, &refusal);
    if (refusal != HTTP_REFUSAL_NONE || good == 0) {
        http_count(&connection->thread->counters.rejected);
    }
    if (refusal == HTTP_REFUSAL_NONE && good == 0) {
        end(connection);
        return false;
    }
    http_deadlines_note(connection);
    if (good > 0) {
        connection->inner_writing = true;
        h2o_iovec_t octets = h2o_iovec_init(connection->plain, good);
        h2o_socket_write(connection->inner, &octets, 1, on_inner_written);
    }
    if (refusal != HTTP_REFUSAL_NONE) {
        http_connection_ask_no_more(connection, refusal);
    }
    return true;
}

/* --- From the client --- */

/* Goes on with what has arrived, as far as it goes. */
static void pump_in(struct http_connection *connection)
{
    if (connection->phase < HTTP_PHASE_OPEN) {
        if (!http_opening_advance(connection)) {
            return;
        }
        h2o_socket_read_start(connection->inner, on_inner_read);
    }
    if (connection->phase == HTTP_PHASE_LINGER) {
        h2o_buffer_consume(&connection->outer->input, connection->outer->input->size);
        return;
    }
    if (connection->phase == HTTP_PHASE_OPEN && !connection->inner_writing && !forward_chunk(connection)) {
        return;
    }
    /* No more is taken from the client while libh2o has not taken what came before. */
    h2o_socket_read_stop(connection->outer);
}

static void on_outer_read(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    if (error == NULL) {
        pump_in(connection);
    } else if (connection->phase == HTTP_PHASE_OPEN && error == h2o_socket_error_closed) {
        /* It sends no more, but may wait for answers. */
        http_connection_ask_no_more(connection, HTTP_REFUSAL_NONE);
    } else {
        http_connection_close(connection);
    }
}

/* --- Opening and closing --- */

void http_connection_open(struct http_thread *thread, const struct http_listener *listener, h2o_socket_t *socket)
{
    struct sockaddr_storage peer;
    uint8_t address[16];
    if (h2o_socket_getpeername(socket, (struct sockaddr *)&peer) == 0) {
        h2o_socket_close(socket);
        return;
    }
    http_address_of((const struct sockaddr *)&peer, address);
    bool trusted = http_is_trusted(&thread->server->settings, address);
    if (listener->proxy_protocol && !trusted) {
        http_count(&thread->counters.rejected);
        h2o_socket_close(socket);
        return;
    }
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || !http_admission_enter(thread, listener)) {
        free(connection);
        h2o_socket_close(socket);
        return;
    }
    connection->thread = thread;
    connection->listener = listener;
    memcpy(connection->address, address, sizeof address);
    connection->phase = listener->proxy_protocol ? HTTP_PHASE_PROXY : HTTP_PHASE_HANDSHAKE;
    connection->since_ms = thread->now_ms;
    connection->outer = socket;
    socket->data = connection;
    http_guard_init(&connection->guard, thread->server->settings.limits.body_max);
    http2_guard_init(&connection->guard2);
    cds_list_add_tail(&connection->link, &thread->connections);
    /* A proxy carries many clients: the cap is for those who come by themselves. */
    if (!trusted && !http_admission_enter_client(connection)) {
        http_connection_close(connection);
        return;
    }
    http_count(&thread->counters.accepted);
    h2o_socket_read_start(socket, on_outer_read);
}

void http_connection_close(struct http_connection *connection)
{
    cds_list_del(&connection->link);
    http_admission_leave(connection->thread, connection->listener, connection->client);
    if (connection->inner != NULL) {
        h2o_socket_close(connection->inner);
    }
    h2o_socket_close(connection->outer);
    http_origin_release(connection->origin);
    tls_session_free(connection->tls);
    free(connection->plain);
    free(connection->out.data);
    free(connection->queued.data);
    free(connection);
}
