/* Handshakes in memory against libssl's client: the version that this mbedtls speaks, data both ways, sessions resumed on another
 * thread and after a reload, many threads at once, a client that breaks off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <mbedtls/version.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/tls.h"
#include "control/tls_session.h"

#if MBEDTLS_VERSION_MAJOR >= 3
#define NEWEST_VERSION TLS1_3_VERSION
#else
#define NEWEST_VERSION TLS1_2_VERSION
#endif

#define TURNS_MAX 100
#define THREADS   4
#define EACH      20 /* handshakes of a thread */

struct scene {
    char directory[40], certificate[64], key[64];
    struct tls_context *tls;
    SSL_CTX *client;
};

/* Both ends of a connection. */
struct pair {
    struct tls_session *server;
    SSL *client;
    BIO *to_client, *to_server;
};

static int setup(void **state)
{
    static struct scene scene;
    static const char *const names[] = {"localhost"};
    struct error_detail detail = {""};
    strcpy(scene.directory, "/tmp/txtd-test-tls-session-XXXXXX");
    assert_non_null(mkdtemp(scene.directory));
    (void)snprintf(scene.certificate, sizeof scene.certificate, "%s/a.pem", scene.directory);
    (void)snprintf(scene.key, sizeof scene.key, "%s/a.key", scene.directory);
    assert_int_equal(tls_self_made(scene.certificate, scene.key, names, 1, 30, &detail), 0);
    assert_int_equal(tls_context_new(scene.certificate, scene.key, &scene.tls, &detail), 0);
    scene.client = SSL_CTX_new(TLS_client_method());
    assert_non_null(scene.client);
    assert_int_equal(SSL_CTX_load_verify_locations(scene.client, scene.certificate, NULL), 1);
    SSL_CTX_set_verify(scene.client, SSL_VERIFY_PEER, NULL);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    SSL_CTX_free(scene->client);
    tls_context_free(scene->tls);
    (void)unlink(scene->certificate);
    (void)unlink(scene->key);
    return rmdir(scene->directory);
}

static size_t take(void *context, uint8_t *data, size_t len)
{
    struct pair *pair = context;
    int got = BIO_read(pair->to_server, data, (int)len);
    return got > 0 ? (size_t)got : 0;
}

static bool give(void *context, const uint8_t *data, size_t len)
{
    struct pair *pair = context;
    return BIO_write(pair->to_client, data, (int)len) == (int)len;
}

static struct pair *pair_new(const struct scene *scene, struct tls_thread *thread, SSL_SESSION *session)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->to_client = BIO_new(BIO_s_mem());
    pair->to_server = BIO_new(BIO_s_mem());
    pair->client = SSL_new(scene->client);
    SSL_set_bio(pair->client, pair->to_client, pair->to_server);
    SSL_set_connect_state(pair->client);
    assert_int_equal(SSL_set_tlsext_host_name(pair->client, "localhost"), 1);
    if (session != NULL) {
        assert_int_equal(SSL_set_session(pair->client, session), 1);
    }
    const struct tls_transport transport = {.context = pair, .take = take, .give = give};
    pair->server = tls_session_new(thread, &transport);
    assert_non_null(pair->server);
    return pair;
}

static void pair_free(struct pair *pair)
{
    SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(pair->client);
    tls_session_free(pair->server);
    free(pair);
}

/* Returns whether both sides have come to the end. */
static bool shake_hands(struct pair *pair)
{
    int client = 0, server = TLS_WANTS_MORE;
    for (unsigned i = 0; i < TURNS_MAX && (client != 1 || server != 0); i++) {
        client = SSL_do_handshake(pair->client);
        if (client != 1 && SSL_get_error(pair->client, client) != SSL_ERROR_WANT_READ) {
            return false;
        }
        server = server == 0 ? 0 : tls_session_handshake(pair->server);
        if (server != 0 && server != TLS_WANTS_MORE) {
            return false;
        }
    }
    return client == 1 && server == 0;
}

/* Sends text and gets it back, so that in TLS 1.3 the ticket has come too. */
static bool echo(struct pair *pair)
{
    static const char text[] = "what is said";
    char heard[sizeof text] = "";
    uint8_t got[64];
    if (SSL_write(pair->client, text, sizeof text) != (int)sizeof text) {
        return false;
    }
    int len = tls_session_read(pair->server, got, sizeof got);
    return len == (int)sizeof text && tls_session_write(pair->server, got, (size_t)len) == 0 &&
           SSL_read(pair->client, heard, sizeof heard) == (int)sizeof text && strcmp(heard, text) == 0;
}

static void speaks_the_newest_version(void **state)
{
    struct scene *scene = *state;
    struct tls_thread *thread = tls_thread_new(scene->tls, false);
    struct pair *pair = pair_new(scene, thread, NULL);
    assert_true(shake_hands(pair));
    assert_int_equal(SSL_version(pair->client), NEWEST_VERSION);
    assert_true(echo(pair));
    uint8_t octet;
    assert_int_equal(tls_session_read(pair->server, &octet, 1), 0);
    tls_session_close(pair->server);
    assert_int_equal(SSL_read(pair->client, &octet, 1), 0);
    assert_int_equal(SSL_get_error(pair->client, 0), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(SSL_shutdown(pair->client), 1);
    assert_int_equal(tls_session_read(pair->server, &octet, 1), TXTD_ECLOSED);
    pair_free(pair);
    tls_thread_free(thread);
}

static void speaks_1_2_and_nothing_older(void **state)
{
    struct scene *scene = *state;
    struct tls_thread *thread = tls_thread_new(scene->tls, false);
    for (int version = TLS1_VERSION; version <= TLS1_2_VERSION; version++) {
        struct pair *pair = pair_new(scene, thread, NULL);
        SSL_set_security_level(pair->client, 0);
        assert_int_equal(SSL_set_min_proto_version(pair->client, version), 1);
        assert_int_equal(SSL_set_max_proto_version(pair->client, version), 1);
        assert_int_equal(shake_hands(pair), version == TLS1_2_VERSION);
        assert_true(version < TLS1_2_VERSION || echo(pair));
        pair_free(pair);
    }
    tls_thread_free(thread);
}

static void agrees_on_http2_when_told(void **state)
{
    static const unsigned char both[] = "\2h2\10http/1.1";
    struct scene *scene = *state;
    for (unsigned http2 = 0; http2 < 2; http2++) {
        struct tls_thread *thread = tls_thread_new(scene->tls, http2);
        struct pair *pair = pair_new(scene, thread, NULL);
        assert_int_equal(SSL_set_alpn_protos(pair->client, both, sizeof both - 1), 0);
        assert_true(shake_hands(pair));
        assert_int_equal(tls_session_is_http2(pair->server), http2);
        pair_free(pair);
        tls_thread_free(thread);
    }
}

static void resumes(struct scene *scene, struct tls_thread *thread, SSL_SESSION *session, int version)
{
    uint64_t before = tls_context_resumed(scene->tls);
    struct pair *pair = pair_new(scene, thread, session);
    assert_int_equal(SSL_set_max_proto_version(pair->client, version), 1);
    assert_true(shake_hands(pair));
    assert_int_equal(SSL_session_reused(pair->client), 1);
    assert_true(echo(pair));
    assert_int_equal(tls_context_resumed(scene->tls), before + 1);
    pair_free(pair);
}

/* The ticket of one thread is good on another one, and after the certificate was read anew. */
static void resumes_sessions(void **state)
{
    struct scene *scene = *state;
    struct error_detail detail = {""};
    for (int version = TLS1_2_VERSION; version <= NEWEST_VERSION; version++) {
        struct tls_thread *one = tls_thread_new(scene->tls, false), *other = tls_thread_new(scene->tls, false);
        struct pair *pair = pair_new(scene, one, NULL);
        assert_int_equal(SSL_set_max_proto_version(pair->client, version), 1);
        assert_true(shake_hands(pair));
        assert_true(echo(pair));
        SSL_SESSION *session = SSL_get1_session(pair->client);
        assert_int_equal(SSL_SESSION_is_resumable(session), 1);
        pair_free(pair);
        resumes(scene, other, session, version);
        assert_int_equal(tls_context_reload(scene->tls, &detail), 0);
        resumes(scene, one, session, version);
        SSL_SESSION_free(session);
        tls_thread_free(one);
        tls_thread_free(other);
    }
}

static void *shake_many_hands(void *argument)
{
    struct scene *scene = argument;
    struct tls_thread *thread = tls_thread_new(scene->tls, false);
    uintptr_t done = 0;
    for (unsigned i = 0; thread != NULL && i < EACH; i++) {
        struct pair *pair = pair_new(scene, thread, NULL);
        done += shake_hands(pair) && echo(pair);
        pair_free(pair);
    }
    tls_thread_free(thread);
    return (void *)done;
}

static void serves_many_threads(void **state)
{
    struct scene *scene = *state;
    struct error_detail detail = {""};
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, shake_many_hands, scene), 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(tls_context_reload(scene->tls, &detail), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_int_equal((uintptr_t)done, EACH);
    }
}

/* A client that offers nothing we would take; and one that sends something else is no client. */
static void ends_what_cannot_be(void **state)
{
    struct scene *scene = *state;
    struct tls_thread *thread = tls_thread_new(scene->tls, false);
    struct pair *pair = pair_new(scene, thread, NULL);
    assert_true(SSL_set_cipher_list(pair->client, "AES128-GCM-SHA256") == 1 &&
                SSL_set_max_proto_version(pair->client, TLS1_2_VERSION) == 1); /* no forward secrecy */
    assert_false(shake_hands(pair));
    pair_free(pair);
    pair = pair_new(scene, thread, NULL);
    assert_true(BIO_write(pair->to_server, "GET / HTTP/1.1\r\n\r\n", 18) == 18);
    assert_int_equal(tls_session_handshake(pair->server), TXTD_EINVAL);
    pair_free(pair);
    tls_thread_free(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(speaks_the_newest_version, setup, teardown),
        cmocka_unit_test_setup_teardown(speaks_1_2_and_nothing_older, setup, teardown),
        cmocka_unit_test_setup_teardown(agrees_on_http2_when_told, setup, teardown),
        cmocka_unit_test_setup_teardown(resumes_sessions, setup, teardown),
        cmocka_unit_test_setup_teardown(serves_many_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_what_cannot_be, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
