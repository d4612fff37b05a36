/* The HTTPS server: its listeners, and the start and the end of its threads. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/http_internal.h"
#include "dataplane/io/socket.h"

#define LISTEN_BACKLOG 4096

/* --- Binding --- */

static int listen_on(struct http_listener *listener, struct error_detail *detail)
{
    const int on = 1;
    const int room = HTTP_RECEIVE_ROOM / 2; /* the kernel doubles it; connections inherit it */
    int fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (listener->address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0 ||
        bind(fd, (const struct sockaddr *)&listener->address, listener->address_len) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        struct dns_address named = {.address = listener->address, .address_len = listener->address_len};
        return socket_describe_failure(fd, &named, "HTTP", "api.listen", detail);
    }
    listener->address_len = sizeof listener->address;
    if (getsockname(fd, (struct sockaddr *)&listener->address, &listener->address_len) != 0) {
        (void)close(fd);
        return error_describe(detail, TXTD_ESYS, "cannot read a listener's address: %s", strerror(errno));
    }
    return fd;
}

static int inherit(const struct http_server_settings *settings, unsigned index, struct http_listener *listener,
                   struct error_detail *detail)
{
    const struct dns_address wanted = {.address = listener->address, .address_len = listener->address_len};
    if (settings->inherited_count != settings->listeners_count ||
        socket_serves(settings->inherited[index], SOCK_STREAM, &wanted) != 0) {
        return error_describe(detail, TXTD_EINVAL,
                              "the running txtd has other API listeners; after a change of api.listen, "
                              "api.listen_proxy_protocol or api.internal_listen it has to be stopped and started");
    }
    listener->address_len = sizeof listener->address;
    (void)getsockname(settings->inherited[index], (struct sockaddr *)&listener->address, &listener->address_len);
    return settings->inherited[index];
}

/* One listening socket, which all threads accept from. A SO_REUSEPORT socket for each would let a second txtd in unnoticed and
 * leave connections behind when a thread stops. */
static int bind_listeners(struct http_server *server, struct error_detail *detail)
{
    for (unsigned i = 0; i < server->settings.listeners_count; i++) {
        struct http_listener *listener = &server->settings.listeners[i];
        int fd = server->settings.inherited != NULL ? inherit(&server->settings, i, listener, detail)
                                                    : listen_on(listener, detail);
        if (fd < 0) {
            return fd;
        }
        server->threads[0].listening[i].fd = fd;
        server->shared[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        bool shared = server->shared[i] >= 0;
        for (unsigned j = 1; shared && j < server->settings.threads; j++) {
            server->threads[j].listening[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
            shared = server->threads[j].listening[i].fd >= 0;
        }
        if (!shared) {
            return error_describe(detail, TXTD_ESYS, "cannot share a listener: %s", strerror(errno));
        }
    }
    server->settings.inherited = NULL;
    return 0;
}

int http_server_bind(const struct http_server_settings *settings, http_handler_fn handler, void *context,
                     struct http_server **made, struct error_detail *detail)
{
    if (settings->listeners_count > HTTP_LISTENERS_MAX || settings->threads == 0) {
        return error_describe(detail, TXTD_EINVAL, "at most %d HTTP listeners and at least one thread",
                              HTTP_LISTENERS_MAX);
    }
    struct http_server *server = calloc(1, sizeof *server + settings->threads * sizeof server->threads[0]);
    if (server == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "out of memory");
    }
    server->settings = *settings;
    server->handler = handler;
    server->context = context;
    (void)pthread_mutex_init(&server->clients_lock, NULL);
    (void)sem_init(&server->progress, 0, 0);
    memset(server->shared, -1, sizeof server->shared);
    for (unsigned i = 0; i < settings->threads; i++) {
        struct http_thread *thread = &server->threads[i];
        thread->server = server;
        CDS_INIT_LIST_HEAD(&thread->connections);
        CDS_INIT_LIST_HEAD(&thread->exchanges);
        for (unsigned j = 0; j < HTTP_LISTENERS_MAX; j++) {
            thread->listening[j].thread = thread;
            thread->listening[j].listener = &server->settings.listeners[j];
            thread->listening[j].fd = -1;
        }
    }
    server->clients = tcp_clients_new(settings->limits.connections_max + HTTP_RESERVED_PLACES);
    int rc =
        server->clients == NULL ? error_describe(detail, TXTD_ENOMEM, "out of memory") : bind_listeners(server, detail);
    if (rc != 0) {
        http_server_free(server);
        return rc;
    }
    *made = server;
    return 0;
}

void http_server_addresses(const struct http_server *server, struct sockaddr_storage addresses[HTTP_LISTENERS_MAX])
{
    for (unsigned i = 0; i < HTTP_LISTENERS_MAX; i++) {
        addresses[i] = server->settings.listeners[i].address;
    }
}

unsigned http_server_sockets(const struct http_server *server, int sockets[HTTP_LISTENERS_MAX])
{
    memcpy(sockets, server->shared, sizeof server->shared);
    return server->settings.listeners_count;
}

/* --- The server --- */

/* Waits until so many threads have got on. */
static void await_progress(struct http_server *server, unsigned threads)
{
    for (unsigned i = 0; i < threads; i++) {
        while (sem_wait(&server->progress) != 0 && errno == EINTR) {
        }
    }
}

int http_server_start(struct http_server *server, struct error_detail *detail)
{
    int error = 0;
    unsigned running = 0;
    for (unsigned i = 0; i < server->settings.threads && error == 0; i++) {
        struct http_thread *thread = &server->threads[i];
        error = pthread_create(&thread->thread, NULL, http_thread_run, thread);
        if (error == 0) {
            thread->running = true;
            running++;
            char name[16];
            (void)snprintf(name, sizeof name, "http-%u", i % 1000);
            (void)pthread_setname_np(thread->thread, name);
        }
    }
    await_progress(server, running);
    if (error != 0 || server->failed > 0) {
        return error_describe(detail, TXTD_ESYS, "cannot start the HTTP threads: %s",
                              error != 0 ? strerror(error) : "out of memory or randomness");
    }
    return 0;
}

void http_server_stop(struct http_server *server, unsigned drain_ms)
{
    bool stopped = __atomic_load_n(&server->stop, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < HTTP_LISTENERS_MAX; i++) { /* else nobody would refuse who connects from now on */
        if (server->shared[i] >= 0) {
            (void)close(server->shared[i]);
            server->shared[i] = -1;
        }
    }
    __atomic_store_n(&server->stop_at_ms, http_now_ms() + drain_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&server->stop, true, __ATOMIC_RELEASE);
    unsigned begun = 0;
    for (unsigned i = 0; i < server->settings.threads; i++) {
        begun += __atomic_load_n(&server->threads[i].begun, __ATOMIC_ACQUIRE);
    }
    if (!stopped) {
        await_progress(server, begun);
    }
}

static void join(struct http_server *server)
{
    http_server_stop(server, 0);
    __atomic_store_n(&server->forget, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < server->settings.threads; i++) {
        struct http_thread *thread = &server->threads[i];
        if (thread->running) {
            (void)pthread_join(thread->thread, NULL);
            thread->running = false;
        }
    }
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    join(server);
    for (unsigned i = 0; i < server->settings.threads; i++) {
        for (unsigned j = 0; j < HTTP_LISTENERS_MAX; j++) {
            if (server->threads[i].listening[j].fd >= 0) {
                (void)close(server->threads[i].listening[j].fd);
            }
        }
    }
    tcp_clients_free(server->clients);
    (void)pthread_mutex_destroy(&server->clients_lock);
    (void)sem_destroy(&server->progress);
    free(server);
}

void http_server_counters(const struct http_server *server, struct http_server_counters *sum)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < server->settings.threads; i++) {
        /* A struct of nothing but uint64_t. */
        const uint64_t *from = (const uint64_t *)&server->threads[i].counters;
        uint64_t *to = (uint64_t *)sum;
        for (unsigned j = 0; j < sizeof *sum / sizeof *to; j++) {
            to[j] += __atomic_load_n(&from[j], __ATOMIC_RELAXED);
        }
    }
    sum->connections =
        __atomic_load_n(&server->connections, __ATOMIC_RELAXED) + __atomic_load_n(&server->reserved, __ATOMIC_RELAXED);
    sum->connections_max = server->settings.limits.connections_max;
    sum->handshakes_resumed = server->settings.tls == NULL ? 0 : tls_context_resumed(server->settings.tls);
}

#ifdef __SANITIZE_ADDRESS__
/* libh2o keeps buffers for each thread and its message queue's end for ever: not leaks of ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libh2o-evloop\n";
}
#endif
