/* tls_internal.h: what the tls*.c files share. mbedtls 2.28 and 3.6. */
#ifndef TXTD_CONTROL_TLS_INTERNAL_H
#define TXTD_CONTROL_TLS_INTERNAL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "control/tls.h"

struct tls_random {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
};

/* What the two files held, checked. Each thread parses its own copy. */
struct tls_material {
    unsigned references; /* atomic */
    const char *certificate_file, *key_file;
    uint8_t *certificate, *key; /* PEM, NUL-terminated */
    size_t certificate_len, key_len;
    int64_t not_after_s;
};

struct tls_context {
    char *certificate_file, *key_file;
    pthread_mutex_t lock;
    struct tls_material *material; /* under the lock */
    uint64_t generation;           /* atomic; counts reloads */
    struct tls_random random;      /* under ticket_lock, after start-up */
    pthread_mutex_t ticket_lock;
    mbedtls_ssl_ticket_context tickets;
    uint64_t resumed; /* atomic */
};

int tls_random_init(struct tls_random *random);
void tls_random_free(struct tls_random *random);

/* A reference to the current material; released with tls_material_release. Any thread. */
struct tls_material *tls_context_material(struct tls_context *tls);
void tls_material_release(struct tls_material *material);

/* Parses into initialised structures of the caller. Returns 0 or TXTD_EINVAL with `detail`. */
int tls_parse_material(const struct tls_material *material, mbedtls_x509_crt *chain, mbedtls_pk_context *key,
                       struct tls_random *random, struct error_detail *detail);

/* mbedtls's ticket callbacks; `context` is the tls_context. Any thread. */
int tls_ticket_write(void *context, const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
                     size_t *len, uint32_t *lifetime);
int tls_ticket_parse(void *context, mbedtls_ssl_session *session, unsigned char *ticket, size_t len);

#endif
