/* What goes to the client: ciphertext, or plaintext where there is no TLS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http_internal.h"

#define ROOM_MIN    4096
#define REFUSAL_MAX 256   /* octets of a refusal's body, and of its head */
#define ROOM_KEEP   32768 /* a buffer that an unusual answer has made larger goes back */

static bool reserve(struct http_octets *octets, size_t more)
{
    size_t wanted = octets->len + more;
    if (wanted <= octets->room) {
        return true;
    }
    size_t room = octets->room < ROOM_MIN ? ROOM_MIN : octets->room;
    while (room < wanted) {
        room *= 2;
    }
    uint8_t *grown = realloc(octets->data, room);
    if (grown == NULL) {
        return false;
    }
    octets->data = grown;
    octets->room = room;
    return true;
}

/* Bounded, because libh2o is read only when nothing waits here. */
bool http_output_queue(void *context, const uint8_t *data, size_t len)
{
    struct http_connection *connection = context;
    if (!reserve(&connection->queued, len)) {
        return false;
    }
    memcpy(connection->queued.data + connection->queued.len, data, len);
    connection->queued.len += len;
    return true;
}

bool http_output_plain(struct http_connection *connection, const void *data, size_t len)
{
    if (connection->tls != NULL) {
        return tls_session_write(connection->tls, data, len) == 0;
    }
    return http_output_queue(connection, data, len);
}

static void on_written(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = socket->data;
    connection->outer_writing = false;
    connection->out.len = 0;
    if (connection->out.room > ROOM_KEEP) {
        free(connection->out.data);
        connection->out = (struct http_octets){NULL, 0, 0};
    }
    if (error != NULL) {
        http_connection_close(connection);
    } else if (connection->queued.len > 0) {
        http_output_flush(connection);
    } else {
        http_connection_sent(connection);
    }
}

void http_output_flush(struct http_connection *connection)
{
    if (connection->outer_writing || connection->queued.len == 0) {
        return;
    }
    struct http_octets spare = connection->out;
    connection->out = connection->queued;
    connection->queued = spare;
    connection->outer_writing = true;
    h2o_iovec_t octets = h2o_iovec_init(connection->out.data, connection->out.len);
    h2o_socket_write(connection->outer, &octets, 1, on_written);
}

/* --- Refusals --- */

struct refusal {
    const char *status, *word, *sentence;
};

static struct refusal refusal_of(enum http_refusal refusal)
{
    switch (refusal) {
    case HTTP_REFUSAL_TIMEOUT:
        return (struct refusal){"408 Request Timeout", "request_timeout",
                                "the request did not come to its end in time"};
    case HTTP_REFUSAL_BODY_TOO_LARGE:
        return (struct refusal){"413 Content Too Large", "request_too_large", "the body is longer than bodies may be"};
    case HTTP_REFUSAL_EXPECTATION:
        return (struct refusal){"417 Expectation Failed", "expectation_failed", "Expect may be 100-continue only"};
    case HTTP_REFUSAL_HEAD_TOO_LARGE:
        return (struct refusal){"431 Request Header Fields Too Large", "headers_too_large",
                                "the headers are longer, or more, than they may be"};
    case HTTP_REFUSAL_NONE:
    case HTTP_REFUSAL_BAD: break;
    }
    return (struct refusal){"400 Bad Request", "bad_request", "this is no whole and unambiguous HTTP request"};
}

/* The path is not known here, so every API gets the sentence that the native one owes. */
bool http_output_refusal(struct http_connection *connection, enum http_refusal refusal)
{
    char body[REFUSAL_MAX], text[2 * REFUSAL_MAX];
    const struct refusal said = refusal_of(refusal);
    int body_len = snprintf(body, sizeof body, "{\"error\":\"%s\",\"detail\":\"%s\"}", said.word, said.sentence);
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 %s\r\nconnection: close\r\ncontent-type: application/json\r\n"
                       "content-length: %d\r\n\r\n%s",
                       said.status, body_len, body);
    http_count(&connection->thread->counters.status[4]);
    return http_output_plain(connection, text, (size_t)len);
}
