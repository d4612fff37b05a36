/* An HTTP server with a handler that costs nothing: what TLS, the request guard and libh2o cost for each request.
 *
 *   bench_http [threads] [keep]      serves until standard input ends
 *
 * Prints the port of a plain and of a TLS listener, and when it ends the requests and the CPU time for each. `keep` answers
 * through http_exchange_keep and a second thread, as an update does. bench/http.sh drives it with h2load.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/http_server.h"
#include "control/tls.h"

#define BATCH_MAX 4096

/* Those who wait to be woken, in one bounded array: the waker takes all there are, as the committer does. */
struct waker {
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct http_exchange *waiting[BATCH_MAX];
    unsigned count;
    bool keep, stop;
};

static const char answer_text[] = "{\"txt\":\"___validation_token_received_from_the_ca___\"}";

static void answer(void *context, struct http_exchange *exchange)
{
    (void)context;
    http_exchange_answer(exchange, 200, "application/json", NULL, 0, answer_text, sizeof answer_text - 1);
}

static void handle(void *context, struct http_exchange *exchange)
{
    struct waker *waker = context;
    if (!waker->keep) {
        answer(NULL, exchange);
        return;
    }
    pthread_mutex_lock(&waker->lock);
    if (waker->count == BATCH_MAX) {
        pthread_mutex_unlock(&waker->lock);
        answer(NULL, exchange);
        return;
    }
    http_exchange_keep(exchange, answer, NULL);
    waker->waiting[waker->count++] = exchange;
    if (waker->count == 1) {
        pthread_cond_signal(&waker->some);
    }
    pthread_mutex_unlock(&waker->lock);
}

static void *wake_all(void *context)
{
    struct waker *waker = context;
    struct http_exchange *batch[BATCH_MAX];
    pthread_mutex_lock(&waker->lock);
    while (!waker->stop || waker->count > 0) {
        unsigned count = waker->count;
        if (count == 0) {
            pthread_cond_wait(&waker->some, &waker->lock);
            continue;
        }
        memcpy(batch, waker->waiting, count * sizeof batch[0]);
        waker->count = 0;
        pthread_mutex_unlock(&waker->lock);
        for (unsigned i = 0; i < count; i++) {
            http_exchange_wake(batch[i]);
        }
        pthread_mutex_lock(&waker->lock);
    }
    pthread_mutex_unlock(&waker->lock);
    return NULL;
}

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int fail(const struct error_detail *detail)
{
    (void)fprintf(stderr, "bench_http: %s\n", detail->text);
    return 1;
}

static int make_tls(struct tls_context **tls, struct error_detail *detail)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    char directory[] = "/tmp/bench_http.XXXXXX";
    char certificate[64], key[64];
    if (mkdtemp(directory) == NULL) {
        return error_describe(detail, TXTD_ESYS, "cannot make a directory in /tmp");
    }
    (void)snprintf(certificate, sizeof certificate, "%s/certificate.pem", directory);
    (void)snprintf(key, sizeof key, "%s/key.pem", directory);
    int rc = tls_self_made(certificate, key, names, 2, 1, detail);
    if (rc == 0) {
        rc = tls_context_new(certificate, key, tls, detail);
    }
    (void)unlink(certificate);
    (void)unlink(key);
    (void)rmdir(directory);
    return rc;
}

static struct http_server_settings settings_of(unsigned threads, struct tls_context *tls)
{
    struct http_server_settings settings = {.listeners_count = 2,
                                            .threads = threads,
                                            .http2 = true,
                                            .tls = tls,
                                            .limits = {.connections_max = 5000,
                                                       .connections_per_client_max = 5000,
                                                       .handshake_ms = 10000,
                                                       .request_ms = 10000,
                                                       .idle_ms = 60000,
                                                       .body_max = 16384}};
    for (unsigned i = 0; i < 2; i++) {
        struct sockaddr_in *address = (struct sockaddr_in *)&settings.listeners[i].address;
        *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        settings.listeners[i].address_len = sizeof *address;
        settings.listeners[i].tls = i == 1;
    }
    return settings;
}

int main(int argc, char **argv)
{
    struct waker waker = {.lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER};
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    waker.keep = argc > 2 && strcmp(argv[2], "keep") == 0;
    struct error_detail detail = {""};
    struct tls_context *tls = NULL;
    struct http_server *server = NULL;
    if (make_tls(&tls, &detail) != 0) {
        return fail(&detail);
    }
    struct http_server_settings settings = settings_of(threads, tls);
    if (http_server_bind(&settings, handle, &waker, &server, &detail) != 0 || http_server_start(server, &detail) != 0) {
        return fail(&detail);
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, wake_all, &waker) != 0) {
        return 1;
    }
    struct sockaddr_storage addresses[HTTP_LISTENERS_MAX];
    http_server_addresses(server, addresses);
    (void)printf("%u %u\n", ntohs(((struct sockaddr_in *)&addresses[0])->sin_port),
                 ntohs(((struct sockaddr_in *)&addresses[1])->sin_port));
    (void)fflush(stdout);
    double before = cpu_s();
    char octet;
    while (read(STDIN_FILENO, &octet, 1) > 0) {
    }
    double used = cpu_s() - before;
    struct http_server_counters counters;
    http_server_counters(server, &counters);
    (void)printf("requests %llu, CPU %.2f s, %.2f us each\n", (unsigned long long)counters.requests, used,
                 counters.requests > 0 ? used * 1e6 / (double)counters.requests : 0);
    http_server_stop(server, 1000);
    pthread_mutex_lock(&waker.lock);
    waker.stop = true;
    pthread_cond_signal(&waker.some);
    pthread_mutex_unlock(&waker.lock);
    (void)pthread_join(thread, NULL);
    http_server_free(server);
    tls_context_free(tls);
    return 0;
}
