/* What comes before the first request: the PROXY header, the TLS handshake, and the pair of sockets to libh2o. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/http_internal.h"
#include "control/proxy_protocol.h"

/* --- libh2o's end --- */

static h2o_socket_t *socket_of(struct http_thread *thread, int fd)
{
    const int room = HTTP_PAIR_ROOM / 2; /* the kernel doubles it */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return h2o_evloop_socket_create(thread->context.loop, fd, 0);
}

/* Makes the pair of sockets and gives the other end to libh2o. */
static bool open_inner(struct http_connection *connection)
{
    struct http_thread *thread = connection->thread;
    int pair[2];
    struct http_origin *origin = malloc(sizeof *origin);
    connection->plain = malloc(HTTP_PLAIN_CHUNK);
    if (origin == NULL || connection->plain == NULL ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        free(origin);
        return false;
    }
    connection->http2 = connection->tls != NULL && tls_session_is_http2(connection->tls);
    *origin = (struct http_origin){.references = 2, .thread = thread, .listener = connection->listener};
    memcpy(origin->address, connection->address, sizeof origin->address);
    connection->origin = origin;

    connection->inner = socket_of(thread, pair[0]);
    connection->inner->data = connection;
    h2o_socket_t *served = socket_of(thread, pair[1]);
    served->on_close.cb = http_origin_release;
    served->on_close.data = origin;
    struct sockaddr_storage peer;
    http_address_to(connection->address, &peer);
    h2o_socket_setpeername(served, (struct sockaddr *)&peer,
                           peer.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    struct timeval now = *h2o_get_timestamp(&thread->context, NULL, NULL);
    if (connection->http2) {
        h2o_http2_accept(&thread->accept, served, now);
    } else {
        h2o_http1_accept(&thread->accept, served, now);
    }
    connection->phase = HTTP_PHASE_OPEN;
    return true;
}

/* --- PROXY and TLS --- */

static size_t take_outer(void *context, uint8_t *data, size_t len)
{
    struct http_connection *connection = context;
    h2o_buffer_t *input = connection->outer->input;
    size_t some = input->size < len ? input->size : len;
    if (some > 0) {
        memcpy(data, input->bytes, some);
        h2o_buffer_consume(&connection->outer->input, some);
    }
    return some;
}

static bool read_proxy_header(struct http_connection *connection)
{
    const h2o_buffer_t *input = connection->outer->input;
    int used = proxy_protocol_parse((const uint8_t *)input->bytes, input->size, connection->address);
    if (used == 0) {
        return false;
    }
    if (used < 0) {
        http_count(&connection->thread->counters.rejected);
        http_connection_close(connection);
        return false;
    }
    h2o_buffer_consume(&connection->outer->input, (size_t)used);
    /* Only now it is known whose connection it is. */
    if (!http_is_trusted(&connection->thread->server->settings, connection->address) &&
        !http_admission_enter_client(connection)) {
        http_connection_close(connection);
        return false;
    }
    connection->phase = HTTP_PHASE_HANDSHAKE;
    return true;
}

/* Returns whether the handshake is complete; the connection may be gone when it is not. */
static bool shake_hands_tls(struct http_connection *connection)
{
    struct http_thread *thread = connection->thread;
    if (connection->tls == NULL) {
        const struct tls_transport transport = {.context = connection, .take = take_outer, .give = http_output_queue};
        connection->tls = tls_session_new(thread->tls, &transport);
    }
    int rc = connection->tls == NULL ? TXTD_ENOMEM : tls_session_handshake(connection->tls);
    if (rc == TLS_WANTS_MORE) {
        http_output_flush(connection);
        return false;
    }
    if (rc != 0) {
        http_count(&thread->counters.handshakes_failed);
        connection->phase = HTTP_PHASE_ENDING; /* with the alert that TLS may have queued */
        h2o_socket_read_stop(connection->outer);
        http_output_flush(connection);
        if (!connection->outer_writing) {
            http_connection_close(connection);
        }
        return false;
    }
    http_count(&thread->counters.handshakes);
    return true;
}

static bool shake_hands(struct http_connection *connection)
{
    if (connection->listener->tls && !shake_hands_tls(connection)) {
        return false;
    }
    if (!open_inner(connection)) {
        http_connection_close(connection);
        return false;
    }
    http_deadlines_touch(connection);
    http_output_flush(connection);
    return true;
}

bool http_opening_advance(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_PROXY && !read_proxy_header(connection)) {
        return false;
    }
    return shake_hands(connection);
}
