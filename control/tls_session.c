#include "control/tls_session.h"

#include <stdlib.h>
#include <string.h>

#include "control/tls_internal.h"

/* One generation of the certificate on one thread; lives as long as a session uses it. */
struct tls_config {
    unsigned references;
    uint64_t generation;
    mbedtls_ssl_config ssl;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

struct tls_thread {
    struct tls_context *tls;
    struct tls_random random;
    struct tls_config *config;
    const char *protocols[3];
};

struct tls_session {
    struct tls_config *config;
    struct tls_transport transport;
    mbedtls_ssl_context ssl;
};

/* Forward secrecy and authenticated encryption alone. */
static const int ciphersuites[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

/* The groups for the key exchange, the preferred one first: as strong as the certificate's key (NIST SP 800-57 part 1, table
 * 2), or the exchange would be the weaker part; and no stronger, for P-256 costs a tenth of P-384. Each list ends with a 0. */
#if MBEDTLS_VERSION_MAJOR >= 3
typedef uint16_t group;
#define P256   MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1
#define P384   MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1
#define P521   MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1
#define X25519 MBEDTLS_SSL_IANA_TLS_GROUP_X25519
_Static_assert(MBEDTLS_SSL_IANA_TLS_GROUP_NONE == 0, "ends a list");
#else
typedef mbedtls_ecp_group_id group;
#define P256   MBEDTLS_ECP_DP_SECP256R1
#define P384   MBEDTLS_ECP_DP_SECP384R1
#define P521   MBEDTLS_ECP_DP_SECP521R1
#define X25519 MBEDTLS_ECP_DP_CURVE25519
_Static_assert(MBEDTLS_ECP_DP_NONE == 0, "ends a list");
static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};
#endif

static const group *groups_for(const mbedtls_pk_context *key)
{
    static const group usual[] = {P256, X25519, P384, 0}, strong[] = {P384, P256, X25519, 0},
                       strongest[] = {P521, P384, P256, X25519, 0};
    size_t bits = mbedtls_pk_get_bitlen(key);
    if (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA) != 0) {
        return bits > 7680 ? strongest : bits > 3072 ? strong : usual;
    }
    return bits > 384 ? strongest : bits > 256 ? strong : usual;
}

static void restrict_versions(mbedtls_ssl_config *ssl, const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(ssl, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(ssl, groups_for(key));
#else
    mbedtls_ssl_conf_min_version(ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(ssl, groups_for(key));
    mbedtls_ssl_conf_sig_hashes(ssl, hashes);
#endif
    mbedtls_ssl_conf_ciphersuites(ssl, ciphersuites);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(ssl, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
}

static void config_release(struct tls_config *config)
{
    if (config != NULL && --config->references == 0) {
        mbedtls_ssl_config_free(&config->ssl);
        mbedtls_x509_crt_free(&config->chain);
        mbedtls_pk_free(&config->key);
        free(config);
    }
}

static struct tls_config *config_new(struct tls_thread *thread)
{
    struct tls_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return NULL;
    }
    config->references = 1;
    config->generation = __atomic_load_n(&thread->tls->generation, __ATOMIC_ACQUIRE);
    mbedtls_ssl_config_init(&config->ssl);
    mbedtls_x509_crt_init(&config->chain);
    mbedtls_pk_init(&config->key);
    struct tls_material *material = tls_context_material(thread->tls);
    int error = tls_parse_material(material, &config->chain, &config->key, &thread->random, NULL);
    tls_material_release(material);
    if (error == 0) {
        error = mbedtls_ssl_config_defaults(&config->ssl, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
    }
    if (error == 0) {
        restrict_versions(&config->ssl, &config->key);
        mbedtls_ssl_conf_rng(&config->ssl, mbedtls_ctr_drbg_random, &thread->random.drbg);
        mbedtls_ssl_conf_session_tickets_cb(&config->ssl, tls_ticket_write, tls_ticket_parse, thread->tls);
        error = mbedtls_ssl_conf_alpn_protocols(&config->ssl, thread->protocols);
    }
    if (error == 0) {
        error = mbedtls_ssl_conf_own_cert(&config->ssl, &config->chain, &config->key);
    }
    if (error != 0) {
        config_release(config);
        return NULL;
    }
    return config;
}

/* The configuration of the newest certificate, with a reference for the caller. An older one serves on when there is no
 * memory for the new. */
static struct tls_config *config_current(struct tls_thread *thread)
{
    uint64_t generation = __atomic_load_n(&thread->tls->generation, __ATOMIC_ACQUIRE);
    if (thread->config == NULL || thread->config->generation != generation) {
        struct tls_config *fresh = config_new(thread);
        if (fresh != NULL) {
            config_release(thread->config);
            thread->config = fresh;
        }
    }
    if (thread->config != NULL) {
        thread->config->references++;
    }
    return thread->config;
}

struct tls_thread *tls_thread_new(struct tls_context *tls, bool http2)
{
    struct tls_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->tls = tls;
    thread->protocols[0] = http2 ? "h2" : "http/1.1";
    thread->protocols[1] = http2 ? "http/1.1" : NULL;
    if (tls_random_init(&thread->random) != 0) {
        tls_thread_free(thread);
        return NULL;
    }
    return thread;
}

void tls_thread_free(struct tls_thread *thread)
{
    if (thread != NULL) {
        config_release(thread->config);
        tls_random_free(&thread->random);
        free(thread);
    }
}

/* --- Sessions --- */

static int transport_recv(void *context, unsigned char *data, size_t len)
{
    struct tls_session *session = context;
    size_t taken = session->transport.take(session->transport.context, data, len);
    return taken > 0 ? (int)taken : MBEDTLS_ERR_SSL_WANT_READ;
}

static int transport_send(void *context, const unsigned char *data, size_t len)
{
    struct tls_session *session = context;
    return session->transport.give(session->transport.context, data, len) ? (int)len : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

struct tls_session *tls_session_new(struct tls_thread *thread, const struct tls_transport *transport)
{
    struct tls_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->transport = *transport;
    session->config = config_current(thread);
    mbedtls_ssl_init(&session->ssl);
    if (session->config == NULL || mbedtls_ssl_setup(&session->ssl, &session->config->ssl) != 0) {
        tls_session_free(session);
        return NULL;
    }
    mbedtls_ssl_set_bio(&session->ssl, session, transport_send, transport_recv, NULL);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (session != NULL) {
        mbedtls_ssl_free(&session->ssl);
        config_release(session->config);
        free(session);
    }
}

int tls_session_handshake(struct tls_session *session)
{
    int error = mbedtls_ssl_handshake(&session->ssl);
    if (error == 0) {
        return 0;
    }
    return error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE ? TLS_WANTS_MORE : TXTD_EINVAL;
}

bool tls_session_is_http2(const struct tls_session *session)
{
    const char *protocol = mbedtls_ssl_get_alpn_protocol(&session->ssl);
    return protocol != NULL && strcmp(protocol, "h2") == 0;
}

int tls_session_read(struct tls_session *session, uint8_t *data, size_t len)
{
    int got = mbedtls_ssl_read(&session->ssl, data, len);
    if (got > 0) {
        return got;
    }
    switch (got) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE: return 0;
    case 0:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return TXTD_ECLOSED;
    default: return TXTD_EINVAL;
    }
}

int tls_session_write(struct tls_session *session, const uint8_t *data, size_t len)
{
    while (len > 0) {
        int written = mbedtls_ssl_write(&session->ssl, data, len); /* one record at most */
        if (written <= 0) {
            return TXTD_EINVAL;
        }
        data += written;
        len -= (size_t)written;
    }
    return 0;
}

void tls_session_close(struct tls_session *session)
{
    (void)mbedtls_ssl_close_notify(&session->ssl);
}

uint64_t tls_context_resumed(const struct tls_context *tls)
{
    return __atomic_load_n(&tls->resumed, __ATOMIC_RELAXED);
}
