/* One client connection: its bytes between the client's socket and libh2o. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/http_internal.h"
#include "control/proxy_protocol.h"

#define OUT_ROOM_MIN 4096

static void pump_in(struct http_connection *connection);
static void end(struct http_connection *connection);
static void on_outer_read(h2o_socket_t *socket, const char *error);

/* --- Time --- */

/* Progress was made: to the end of the list of those that make none. */
static void touch(struct http_connection *connection)
{
    connection->since_ms = connection->thread->now_ms;
    cds_list_del(&connection->link);
    cds_list_add_tail(&connection->link, &connection->thread->connections);
}

static void note_request(struct http_connection *connection)
{
    bool in_request = !connection->http2 && http_guard_in_request(&connection->guard);
    /* Within a request only its beginning counts: single octets are no progress. */
    if (!in_request || !connection->in_request) {
        touch(connection);
    }
    connection->in_request = in_request;
}

/* Whether a whole request of the client has not been answered yet. HTTP/2 keeps its own books. */
static bool waits_for_answer(const struct http_connection *connection)
{
    return connection->origin != NULL && !connection->http2 &&
           connection->guard.requests > connection->origin->answered;
}

/* --- To the client --- */

static bool reserve(uint8_t **data, size_t *room, size_t wanted)
{
    if (wanted <= *room) {
        return true;
    }
    size_t more = *room < OUT_ROOM_MIN ? OUT_ROOM_MIN : *room;
    while (more < wanted) {
        more *= 2;
    }
    uint8_t *grown = realloc(*data, more);
    if (grown == NULL) {
        return false;
    }
    *data = grown;
    *room = more;
    return true;
}

/* What TLS, or nobody, made of the octets: queued until outer_flush. Bounded, because libh2o is read only when nothing waits. */
static bool queue_outer(void *context, const uint8_t *data, size_t len)
{
    struct http_connection *connection = context;
    if (!reserve(&connection->queued, &connection->queued_room, connection->queued_len + len)) {
        return false;
    }
    memcpy(connection->queued + connection->queued_len, data, len);
    connection->queued_len += len;
    return true;
}

static size_t take_outer(void *context, uint8_t *data, size_t len)
{
    struct http_connection *connection = context;
    h2o_buffer_t *input = connection->outer->input;
    size_t some = input->size < len ? input->size : len;
    if (some == 0) {
        return 0;
    }
    memcpy(data, input->bytes, some);
    h2o_buffer_consume(&connection->outer->input, some);
    return some;
}

static void on_outer_written(h2o_socket_t *socket, const char *error);
static void on_inner_read(h2o_socket_t *socket, const char *error);

static void outer_flush(struct http_connection *connection)
{
    if (connection->outer_writing || connection->queued_len == 0) {
        return;
    }
    uint8_t *data = connection->out;
    size_t room = connection->out_room;
    connection->out = connection->queued;
    connection->out_room = connection->queued_room;
    connection->out_len = connection->queued_len;
    connection->queued = data;
    connection->queued_room = room;
    connection->queued_len = 0;
    connection->outer_writing = true;
    h2o_iovec_t octets = h2o_iovec_init(connection->out, connection->out_len);
    h2o_socket_write(connection->outer, &octets, 1, on_outer_written);
}

static void on_outer_written(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    connection->outer_writing = false;
    if (error != NULL) {
        http_connection_close(connection);
        return;
    }
    if (!http_guard_in_request(&connection->guard) || connection->http2) {
        touch(connection);
    }
    if (connection->queued_len > 0) {
        outer_flush(connection);
    } else if (connection->phase == HTTP_PHASE_ENDING) {
        http_connection_close(connection);
    } else if (connection->phase == HTTP_PHASE_LINGER) {
        (void)shutdown(h2o_socket_get_fd(socket), SHUT_WR);
    } else if (connection->phase == HTTP_PHASE_OPEN && connection->asked_last && !waits_for_answer(connection)) {
        end(connection);
    } else if (connection->phase == HTTP_PHASE_OPEN) {
        h2o_socket_read_start(connection->inner, on_inner_read);
    }
}

static bool send_plain(struct http_connection *connection, const void *data, size_t len)
{
    if (connection->tls != NULL) {
        return tls_session_write(connection->tls, data, len) == 0;
    }
    return queue_outer(connection, data, len);
}

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
    outer_flush(connection);
    if (!connection->outer_writing) {
        http_connection_close(connection);
    }
}

/* --- Refusing a request that libh2o must not see --- */

static const char *refusal(enum http_guard_verdict verdict)
{
#define REFUSAL(status, len, error)                                                                                    \
    "HTTP/1.1 " status "\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: " len               \
    "\r\n\r\n{\"error\":\"" error "\"}"
    switch (verdict) {
    case HTTP_GUARD_BODY_TOO_LARGE: return REFUSAL("413 Payload Too Large", "29", "request_too_large");
    case HTTP_GUARD_HEAD_TOO_LARGE: return REFUSAL("431 Request Header Fields Too Large", "29", "headers_too_large");
    default: return REFUSAL("400 Bad Request", "23", "bad_request");
    }
}

static void refuse(struct http_connection *connection, enum http_guard_verdict verdict)
{
    http_count(&connection->thread->counters.rejected);
    http_count(&connection->thread->counters.status[4]);
    const char *text = refusal(verdict);
    if (connection->inner != NULL) {
        h2o_socket_t *inner = connection->inner;
        connection->inner = NULL;
        h2o_socket_close(inner);
        connection->inner_writing = false;
    }
    if (!send_plain(connection, text, strlen(text))) {
        http_connection_close(connection);
        return;
    }
    if (connection->tls != NULL) {
        tls_session_close(connection->tls);
    }
    connection->phase = HTTP_PHASE_LINGER;
    touch(connection);
    outer_flush(connection);
}

/* --- From libh2o --- */

static void on_inner_read(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    if (error != NULL) {
        end(connection);
        return;
    }
    bool sent = send_plain(connection, socket->input->bytes, socket->input->size);
    h2o_buffer_consume(&socket->input, socket->input->size);
    if (!sent) {
        http_connection_close(connection);
        return;
    }
    h2o_socket_read_stop(socket); /* until the client has taken it */
    outer_flush(connection);
}

/* --- To libh2o --- */

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

    connection->inner = h2o_evloop_socket_create(thread->context.loop, pair[0], 0);
    connection->inner->data = connection;
    h2o_socket_t *served = h2o_evloop_socket_create(thread->context.loop, pair[1], 0);
    served->on_close.cb = http_origin_release;
    served->on_close.data = origin;
    struct sockaddr_in6 peer = {.sin6_family = AF_INET6};
    memcpy(&peer.sin6_addr, connection->address, sizeof connection->address);
    h2o_socket_setpeername(served, (struct sockaddr *)&peer, sizeof peer);
    struct timeval now = *h2o_get_timestamp(&thread->context, NULL, NULL);
    if (connection->http2) {
        h2o_http2_accept(&thread->accept, served, now);
    } else {
        h2o_http1_accept(&thread->accept, served, now);
    }
    connection->phase = HTTP_PHASE_OPEN;
    h2o_socket_read_start(connection->inner, on_inner_read);
    return true;
}

static void on_inner_written(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    connection->inner_writing = false;
    if (error == NULL && connection->phase == HTTP_PHASE_OPEN && !connection->asked_last) {
        h2o_socket_read_start(connection->outer, on_outer_read);
        pump_in(connection);
    } /* else libh2o has closed: its last answer comes by reading */
}

/* Plaintext that has arrived. Returns octets, 0 when there are none, or a negative code. */
static int read_plain(struct http_connection *connection)
{
    if (connection->tls != NULL) {
        return tls_session_read(connection->tls, connection->plain, HTTP_PLAIN_CHUNK);
    }
    return (int)take_outer(connection, connection->plain, HTTP_PLAIN_CHUNK);
}

/* The client has ended its side. What it asked in good order is still answered. */
static void ask_no_more(struct http_connection *connection, bool in_order)
{
    if (!in_order || !waits_for_answer(connection)) {
        end(connection);
        return;
    }
    connection->asked_last = true;
    h2o_socket_read_stop(connection->outer);
}

/* Hands one chunk to libh2o. Returns false when there is none, or the connection has left this phase. */
static bool forward_chunk(struct http_connection *connection)
{
    int got = read_plain(connection);
    outer_flush(connection); /* reading can make TLS speak */
    if (got < 0) {
        ask_no_more(connection, got == TXTD_ECLOSED);
        return false;
    }
    if (got == 0) {
        return false;
    }
    if (connection->http2) {
        if (!http2_guard_feed(&connection->guard2, connection->plain, (size_t)got, connection->thread->now_ms)) {
            http_count(&connection->thread->counters.rejected);
            end(connection);
            return false;
        }
    } else {
        enum http_guard_verdict verdict = http_guard_feed(&connection->guard, connection->plain, (size_t)got);
        if (verdict != HTTP_GUARD_PASS) {
            refuse(connection, verdict);
            return false;
        }
    }
    note_request(connection);
    connection->inner_writing = true;
    h2o_iovec_t octets = h2o_iovec_init(connection->plain, (size_t)got);
    h2o_socket_write(connection->inner, &octets, 1, on_inner_written);
    return true;
}

/* --- From the client --- */

static bool read_proxy_header(struct http_connection *connection)
{
    const h2o_buffer_t *input = connection->outer->input;
    int used = proxy_protocol_parse((const uint8_t *)input->bytes, input->size, connection->address);
    if (used <= 0) {
        if (used < 0) {
            http_count(&connection->thread->counters.rejected);
            http_connection_close(connection);
        }
        return false;
    }
    h2o_buffer_consume(&connection->outer->input, (size_t)used);
    connection->phase = HTTP_PHASE_HANDSHAKE;
    return true;
}

static bool shake_hands(struct http_connection *connection)
{
    struct http_thread *thread = connection->thread;
    if (connection->listener->tls) {
        if (connection->tls == NULL) {
            const struct tls_transport transport = {.context = connection, .take = take_outer, .give = queue_outer};
            connection->tls = tls_session_new(thread->tls, &transport);
        }
        int rc = connection->tls == NULL ? TXTD_ENOMEM : tls_session_handshake(connection->tls);
        if (rc == TLS_WANTS_MORE) {
            outer_flush(connection);
            return false;
        }
        if (rc != 0) {
            http_count(&thread->counters.handshakes_failed);
            connection->phase = HTTP_PHASE_ENDING; /* with the alert that TLS may have queued */
            outer_flush(connection);
            if (!connection->outer_writing) {
                http_connection_close(connection);
            }
            return false;
        }
        http_count(&thread->counters.handshakes);
    }
    if (!open_inner(connection)) {
        http_connection_close(connection);
        return false;
    }
    touch(connection);
    outer_flush(connection);
    return true;
}

/* Goes on with what has arrived, as far as it goes. */
static void pump_in(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_PROXY && !read_proxy_header(connection)) {
        return;
    }
    if (connection->phase == HTTP_PHASE_HANDSHAKE && !shake_hands(connection)) {
        return;
    }
    if (connection->phase == HTTP_PHASE_OPEN && !connection->inner_writing) {
        if (!forward_chunk(connection)) {
            return;
        }
    }
    if (connection->phase == HTTP_PHASE_LINGER) {
        h2o_buffer_consume(&connection->outer->input, connection->outer->input->size);
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
    } else if (connection->phase == HTTP_PHASE_OPEN && error == h2o_socket_error_closed && !connection->outer_writing) {
        ask_no_more(connection, connection->tls == NULL);
    } else {
        http_connection_close(connection);
    }
}

/* --- Opening and closing --- */

static bool admit(struct http_thread *thread, const struct sockaddr *peer, struct tcp_client **client)
{
    struct http_server *server = thread->server;
    const struct http_limits *limits = &server->settings.limits;
    if (__atomic_add_fetch(&server->connections, 1, __ATOMIC_RELAXED) > limits->connections_max) {
        (void)__atomic_sub_fetch(&server->connections, 1, __ATOMIC_RELAXED);
        http_count(&thread->counters.refused_total);
        return false;
    }
    pthread_mutex_lock(&server->clients_lock);
    *client = tcp_clients_enter(server->clients, peer, limits->connections_per_client_max);
    pthread_mutex_unlock(&server->clients_lock);
    if (*client == NULL) {
        (void)__atomic_sub_fetch(&server->connections, 1, __ATOMIC_RELAXED);
        http_count(&thread->counters.refused_per_client);
        return false;
    }
    return true;
}

static void leave(struct http_thread *thread, struct tcp_client *client)
{
    struct http_server *server = thread->server;
    pthread_mutex_lock(&server->clients_lock);
    tcp_clients_leave(server->clients, client);
    pthread_mutex_unlock(&server->clients_lock);
    (void)__atomic_sub_fetch(&server->connections, 1, __ATOMIC_RELAXED);
}

void http_connection_open(struct http_thread *thread, const struct http_listener *listener, h2o_socket_t *socket)
{
    struct sockaddr_storage peer;
    struct tcp_client *client = NULL;
    uint8_t address[16];
    if (h2o_socket_getpeername(socket, (struct sockaddr *)&peer) == 0) {
        h2o_socket_close(socket);
        return;
    }
    http_address_of((const struct sockaddr *)&peer, address);
    if (listener->proxy_protocol && !http_is_trusted(&thread->server->settings, address)) {
        http_count(&thread->counters.rejected);
        h2o_socket_close(socket);
        return;
    }
    /* Proxies carry many clients: the cap is for those who come by themselves. */
    if (!admit(thread, (const struct sockaddr *)&peer, &client)) {
        h2o_socket_close(socket);
        return;
    }
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        leave(thread, client);
        h2o_socket_close(socket);
        return;
    }
    connection->thread = thread;
    connection->listener = listener;
    connection->client = client;
    memcpy(connection->address, address, sizeof address);
    connection->phase = listener->proxy_protocol ? HTTP_PHASE_PROXY : HTTP_PHASE_HANDSHAKE;
    connection->since_ms = thread->now_ms;
    connection->outer = socket;
    socket->data = connection;
    http_guard_init(&connection->guard, thread->server->settings.limits.body_max);
    http2_guard_init(&connection->guard2);
    cds_list_add_tail(&connection->link, &thread->connections);
    http_count(&thread->counters.accepted);
    h2o_socket_read_start(socket, on_outer_read);
    if (!listener->tls && !listener->proxy_protocol) {
        (void)shake_hands(connection);
    }
}

void http_connection_close(struct http_connection *connection)
{
    cds_list_del(&connection->link);
    leave(connection->thread, connection->client);
    if (connection->inner != NULL) {
        h2o_socket_close(connection->inner);
    }
    h2o_socket_close(connection->outer);
    http_origin_release(connection->origin);
    tls_session_free(connection->tls);
    free(connection->plain);
    free(connection->out);
    free(connection->queued);
    free(connection);
}

/* --- Deadlines --- */

static unsigned allowed_ms(const struct http_connection *connection, const struct http_limits *limits)
{
    switch (connection->phase) {
    case HTTP_PHASE_PROXY:
    case HTTP_PHASE_HANDSHAKE: return limits->handshake_ms;
    case HTTP_PHASE_LINGER: return HTTP_LINGER_MS;
    case HTTP_PHASE_OPEN:
    case HTTP_PHASE_ENDING: break;
    }
    if (waits_for_answer(connection)) {
        return HTTP_ANSWER_MS; /* ours to keep */
    }
    return connection->in_request ? limits->request_ms : limits->idle_ms;
}

void http_connections_check(struct http_thread *thread)
{
    const struct http_limits *limits = &thread->server->settings.limits;
    struct http_connection *connection, *next;
    unsigned shortest = HTTP_LINGER_MS;
    shortest = limits->handshake_ms < shortest ? limits->handshake_ms : shortest;
    shortest = limits->request_ms < shortest ? limits->request_ms : shortest;
    shortest = limits->idle_ms < shortest ? limits->idle_ms : shortest;
    cds_list_for_each_entry_safe(connection, next, &thread->connections, link)
    {
        uint64_t quiet_ms = thread->now_ms - connection->since_ms;
        if (thread->now_ms < connection->since_ms + shortest) {
            return; /* those behind are younger still */
        }
        if (quiet_ms >= allowed_ms(connection, limits)) {
            http_count(&thread->counters.timeouts);
            http_connection_close(connection);
        }
    }
}
