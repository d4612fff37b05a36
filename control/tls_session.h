/* tls_session.h: one TLS connection on one thread; bytes come and go through callbacks. */
#ifndef TXTD_CONTROL_TLS_SESSION_H
#define TXTD_CONTROL_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/tls.h"

struct tls_thread;
struct tls_session;

/* A thread's own randomness and configurations. Made and used on the thread that runs the connections. `http2` offers h2 by
 * ALPN. Returns NULL when out of memory or randomness. */
struct tls_thread *tls_thread_new(struct tls_context *tls, bool http2);

/* All its sessions must have been freed. */
void tls_thread_free(struct tls_thread *thread);

/* Where a session's ciphertext comes from and goes to. */
struct tls_transport {
    void *context;
    /* Copies up to `len` octets of ciphertext that have arrived; 0 when there are none now. */
    size_t (*take)(void *context, uint8_t *data, size_t len);
    /* Takes ciphertext to be sent. Returns false when it cannot (out of memory): the session fails. */
    bool (*give)(void *context, const uint8_t *data, size_t len);
};

/* Starts a server-side session with the current certificate. Returns NULL when out of memory. */
struct tls_session *tls_session_new(struct tls_thread *thread, const struct tls_transport *transport);
void tls_session_free(struct tls_session *session);

#define TLS_WANTS_MORE 1 /* more ciphertext has to arrive first */

/* Goes on with the handshake. Returns 0 when it is complete, TLS_WANTS_MORE, or TXTD_EINVAL when it failed. */
int tls_session_handshake(struct tls_session *session);

/* The protocol agreed on: "h2" or not. */
bool tls_session_is_http2(const struct tls_session *session);

/* Reads plaintext. Returns octets, 0 when more ciphertext has to arrive, TXTD_ECLOSED at the end, TXTD_EINVAL on an error. */
int tls_session_read(struct tls_session *session, uint8_t *data, size_t len);

/* Encrypts and gives all of `data`. Returns 0 or TXTD_EINVAL. */
int tls_session_write(struct tls_session *session, const uint8_t *data, size_t len);

/* Gives the end of the session to the transport. */
void tls_session_close(struct tls_session *session);

/* Sessions resumed so far, of all threads. */
uint64_t tls_context_resumed(const struct tls_context *tls);

#endif
