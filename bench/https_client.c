#include "bench/https_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX    256
#define BUCKET_US     10
#define BUCKETS       (1 << 20) /* up to ten seconds */
#define TURN_MS       100
#define PACED_TURN_MS 1 /* with a rate */
#define BROKEN_MAX    1000000
#define DRAIN_SECONDS 5 /* for the last answers */

struct connection {
    unsigned number;
    int fd;
    SSL *ssl;
    bool open; /* the handshake is done */
    bool ended;
    bool pausing;         /* until its next request is due */
    double due_s;         /* when that is; only with a rate */
    double since_s;       /* of the request that is under way */
    SSL_SESSION *session; /* of the connection before; only with resume */
    char request[HTTPS_REQUEST_MAX];
    size_t request_len;
    char answer[HTTPS_ANSWER_MAX + 1];
    size_t answer_len;
};

struct client {
    const struct https_client_settings *settings;
    SSL_CTX *tls;
    int epoll;
    struct connection *connections;
    unsigned running;
    double begun_s, now_s;
    uint64_t done, broken, resumed;
    uint32_t *buckets;
    double max_s;
};

static double clock_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "https_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static bool time_is_up(const struct client *client)
{
    return client->settings->seconds > 0 && client->now_s - client->begun_s >= client->settings->seconds;
}

static void note(struct client *client, const struct connection *connection)
{
    double took_s = clock_s() - connection->since_s;
    uint64_t bucket = (uint64_t)(took_s * 1e6 / BUCKET_US);
    client->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    client->max_s = took_s > client->max_s ? took_s : client->max_s;
    client->done++;
}

/* --- One connection --- */

static void disconnect(struct connection *connection)
{
    if (connection->ssl != NULL) { /* else libssl takes the session for a broken one, not to be resumed */
        SSL_set_shutdown(connection->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(connection->ssl);
    (void)close(connection->fd);
    connection->ssl = NULL;
    connection->fd = -1;
    connection->open = false;
    connection->request_len = 0;
    connection->answer_len = 0;
}

static void start_connection(struct client *client, struct connection *connection)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(client->settings->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct linger at_once = {1, 0}; /* thousands of connections a second: no port may stay in TIME_WAIT */
    const int on = 1;
    connection->since_s = clock_s();
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        die("socket");
    }
    if (connect(connection->fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        die("connect");
    }
    connection->ssl = SSL_new(client->tls);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->fd) != 1) {
        die("SSL_new");
    }
    SSL_set_connect_state(connection->ssl);
    if (connection->session != NULL) {
        (void)SSL_set_session(connection->ssl, connection->session);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void end_connection(struct client *client, struct connection *connection)
{
    disconnect(connection);
    connection->ended = true;
    client->running--;
}

static void restart(struct client *client, struct connection *connection)
{
    disconnect(connection);
    if (time_is_up(client)) {
        connection->ended = true;
        client->running--;
    } else {
        start_connection(client, connection);
    }
}

static void fail(struct client *client, struct connection *connection)
{
    if (++client->broken > BROKEN_MAX) {
        errno = ECONNRESET;
        die("too many connections broke");
    }
    restart(client, connection);
}

/* Whether the connection has to wait until its next request is due. */
static bool pauses(const struct client *client, struct connection *connection)
{
    connection->pausing = client->settings->rate > 0 && clock_s() < connection->due_s && !time_is_up(client);
    return connection->pausing;
}

/* Writes the next request, when there is one and it is due. */
static bool send_next(struct client *client, struct connection *connection)
{
    if (pauses(client, connection)) {
        return false;
    }
    size_t len = time_is_up(client)
                     ? 0
                     : client->settings->request(client->settings->context, connection->number, connection->request);
    if (len == 0) {
        end_connection(client, connection);
        return false;
    }
    if (client->settings->rate > 0) {
        connection->since_s = connection->due_s; /* a late answer makes the next request late: that counts */
        connection->due_s += client->settings->connections / client->settings->rate;
    } else if (!client->settings->reconnect) {
        connection->since_s = clock_s();
    }
    connection->request_len = len;
    connection->answer_len = 0;
    if (SSL_write(connection->ssl, connection->request, (int)len) !=
        (int)len) { /* a kilobyte fits into an empty socket */
        fail(client, connection);
        return false;
    }
    return true;
}

/* The length of the whole answer, once its head is there; else 0. */
static size_t answer_whole(const struct connection *connection, const char **body)
{
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    if (end == NULL || length == NULL || length > end) {
        return 0;
    }
    *body = end + 4;
    return (size_t)(*body - connection->answer) + strtoul(length + 17, NULL, 10);
}

/* Takes what came. Returns true when the answer is whole and another request may go. */
static bool take_answer(struct client *client, struct connection *connection)
{
    size_t room = HTTPS_ANSWER_MAX - connection->answer_len;
    int got = room == 0 ? -1 : SSL_read(connection->ssl, connection->answer + connection->answer_len, (int)room);
    if (got <= 0) {
        int error = room == 0 ? SSL_ERROR_SSL : SSL_get_error(connection->ssl, got);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            fail(client, connection);
        }
        return false;
    }
    connection->answer_len += (size_t)got;
    connection->answer[connection->answer_len] = '\0';
    const char *body = NULL;
    size_t whole = answer_whole(connection, &body);
    if (whole == 0 || connection->answer_len < whole) {
        return take_answer(client, connection);
    }
    note(client, connection);
    client->settings->answer(client->settings->context, connection->number, atoi(connection->answer + 9), body);
    return true;
}

static void take_session(struct client *client, struct connection *connection)
{
    if (client->settings->resume) {
        client->resumed += SSL_session_reused(connection->ssl) == 1;
        SSL_SESSION_free(connection->session);
        connection->session = SSL_get1_session(connection->ssl);
    }
}

static void advance(struct client *client, struct connection *connection)
{
    if (!connection->open) {
        int done = SSL_do_handshake(connection->ssl);
        if (done != 1) {
            int error = SSL_get_error(connection->ssl, done);
            if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
                fail(client, connection);
            }
            return;
        }
        connection->open = true;
        take_session(client, connection);
        if (client->settings->handshake_only) {
            note(client, connection);
            restart(client, connection);
            return;
        }
        if (!send_next(client, connection)) {
            return;
        }
    }
    while (take_answer(client, connection)) {
        if (client->settings->reconnect) {
            restart(client, connection);
            return;
        }
        if (!send_next(client, connection)) {
            return;
        }
    }
}

/* --- All of them --- */

static double percentile_ms(const struct client *client, double part)
{
    uint64_t below = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        below += client->buckets[i];
        if ((double)below >= part * (double)client->done) {
            return (i + 1) * BUCKET_US / 1e3;
        }
    }
    return 0;
}

static void begin(struct client *client)
{
    (void)signal(SIGPIPE, SIG_IGN);
    client->tls = SSL_CTX_new(TLS_client_method());
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->connections = calloc(client->settings->connections, sizeof *client->connections);
    client->buckets = calloc(BUCKETS, sizeof *client->buckets);
    if (client->tls == NULL || client->epoll < 0 || client->connections == NULL || client->buckets == NULL) {
        die("out of memory");
    }
    (void)SSL_CTX_set_session_cache_mode(client->tls, SSL_SESS_CACHE_OFF);
    if (client->settings->resume) {
        /* In TLS 1.3 the tickets come behind the handshake; 1.2 is what the server speaks with mbedtls 2.28. */
        (void)SSL_CTX_set_max_proto_version(client->tls, TLS1_2_VERSION);
    } else {
        (void)SSL_CTX_set_options(client->tls, SSL_OP_NO_TICKET);
    }
    client->begun_s = client->now_s = clock_s();
    client->running = client->settings->connections;
    for (unsigned i = 0; i < client->settings->connections; i++) {
        client->connections[i].number = i;
        if (client->settings->rate > 0) {
            client->connections[i].due_s = client->begun_s + i / client->settings->rate;
        }
        start_connection(client, &client->connections[i]);
    }
}

void https_client_run(const struct https_client_settings *settings, struct https_client_figures *figures)
{
    struct client client = {.settings = settings};
    begin(&client);
    while (client.running > 0) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(client.epoll, events, EVENTS_MAX, settings->rate > 0 ? PACED_TURN_MS : TURN_MS);
        client.now_s = clock_s();
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection->ended) {
                advance(&client, connection);
            }
        }
        for (unsigned i = 0; settings->rate > 0 && i < settings->connections; i++) {
            struct connection *connection = &client.connections[i];
            if (!connection->ended && connection->pausing) {
                (void)send_next(&client, connection);
            }
        }
        if (settings->seconds > 0 && client.now_s - client.begun_s > settings->seconds + DRAIN_SECONDS) {
            break; /* an answer that does not come at all */
        }
    }
    *figures = (struct https_client_figures){.done = client.done,
                                             .broken = client.broken,
                                             .resumed = client.resumed,
                                             .seconds = clock_s() - client.begun_s,
                                             .p50_ms = percentile_ms(&client, 0.5),
                                             .p99_ms = percentile_ms(&client, 0.99),
                                             .max_ms = client.max_s * 1e3};
    for (unsigned i = 0; i < settings->connections; i++) {
        if (!client.connections[i].ended) {
            disconnect(&client.connections[i]);
        }
        SSL_SESSION_free(client.connections[i].session);
    }
    (void)close(client.epoll);
    SSL_CTX_free(client.tls);
    free(client.connections);
    free(client.buckets);
}
