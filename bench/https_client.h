/* https_client.h: many HTTPS clients in closed loops on one thread, cheap enough to leave the CPU to the server.
 *
 * Each connection sends a request, waits for the answer, and sends the next one. Nothing is verified but what TLS cannot do without.
 */
#ifndef TXTD_BENCH_HTTPS_CLIENT_H
#define TXTD_BENCH_HTTPS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTPS_REQUEST_MAX 1024
#define HTTPS_ANSWER_MAX  4096

struct https_client_settings {
    uint16_t port; /* of 127.0.0.1 */
    unsigned connections;
    bool reconnect; /* a new connection for each request, with a full TLS handshake */
    bool resume;    /* with reconnect: each handshake takes up the session of the one before where the server lets it */
    bool handshake_only; /* and no request at all */
    double rate;         /* requests a second in all, spread evenly; 0: as many as are answered. Not with reconnect. */
    double seconds;      /* 0: until `request` has no more */

    /* Writes the next request of this connection; returns its length, or 0 to end the connection. */
    size_t (*request)(void *context, unsigned connection, char text[HTTPS_REQUEST_MAX]);
    /* Takes the answer to it. The body is NUL-terminated. */
    void (*answer)(void *context, unsigned connection, int status, const char *body);
    void *context;
};

struct https_client_figures {
    uint64_t done;    /* requests answered, or handshakes */
    uint64_t broken;  /* connections that failed; each is opened anew */
    uint64_t resumed; /* handshakes that took up a session */
    double seconds;
    double p50_ms, p99_ms,
        max_ms; /* from sending (with rate: from when it was due) to the whole answer; with reconnect from
                                      connecting */
};

/* Runs to the end. Ends the program with a message when it cannot begin. */
void https_client_run(const struct https_client_settings *settings, struct https_client_figures *figures);

#endif
