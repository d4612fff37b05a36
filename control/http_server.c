/* The HTTPS listeners and their threads. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/http_internal.h"
#include "dataplane/io/socket.h"

#define LISTEN_BACKLOG    4096
#define HTTP1_TIMEOUT_MS  (24 * 3600 * 1000) /* libh2o's own: ours come first */
#define HTTP2_STREAMS_MAX 100
#define STOP_TURNS_MAX    100

static uint64_t mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- Binding --- */

static int listen_on(struct http_listener *listener, struct error_detail *detail)
{
    const int on = 1;
    int fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (listener->address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, (const struct sockaddr *)&listener->address, listener->address_len) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        struct dns_address named = {.address = listener->address, .address_len = listener->address_len};
        int rc = socket_describe_failure(fd, &named, "HTTP", "api.listen", detail);
        return rc;
    }
    listener->address_len = sizeof listener->address;
    if (getsockname(fd, (struct sockaddr *)&listener->address, &listener->address_len) != 0) {
        (void)close(fd);
        return error_describe(detail, TXTD_ESYS, "cannot read a listener's address: %s", strerror(errno));
    }
    return fd;
}

/* One listening socket, which all threads accept from. A SO_REUSEPORT socket for each would let a second txtd in unnoticed and
 * leave connections behind when a thread stops. */
static int bind_listeners(struct http_server *server, struct error_detail *detail)
{
    for (unsigned i = 0; i < server->settings.listeners_count; i++) {
        int fd = listen_on(&server->settings.listeners[i], detail);
        if (fd < 0) {
            return fd;
        }
        server->threads[0].listening[i].fd = fd;
        for (unsigned j = 1; j < server->settings.threads; j++) {
            server->threads[j].listening[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
            if (server->threads[j].listening[i].fd < 0) {
                return error_describe(detail, TXTD_ESYS, "cannot share a listener: %s", strerror(errno));
            }
        }
    }
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
    for (unsigned i = 0; i < settings->threads; i++) {
        struct http_thread *thread = &server->threads[i];
        thread->server = server;
        CDS_INIT_LIST_HEAD(&thread->connections);
        for (unsigned j = 0; j < HTTP_LISTENERS_MAX; j++) {
            thread->listening[j].thread = thread;
            thread->listening[j].listener = &server->settings.listeners[j];
            thread->listening[j].fd = -1;
        }
    }
    server->clients = tcp_clients_new(settings->limits.connections_max);
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

/* --- A thread's loop; everything of libh2o is made on the thread --- */

static void on_accept(h2o_socket_t *socket, const char *error)
{
    struct http_listening *listening = socket->data;
    if (error != NULL) {
        return;
    }
    for (unsigned i = 0; i < HTTP_ACCEPTS_MAX; i++) {
        errno = 0;
        h2o_socket_t *accepted = h2o_evloop_socket_accept(socket);
        if (accepted == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                listening->thread->accepting = false; /* until the next tick */
                h2o_socket_read_stop(socket);
            }
            return;
        }
        http_connection_open(listening->thread, listening->listener, accepted);
    }
}

static void accept_again(struct http_thread *thread)
{
    if (!thread->accepting) {
        thread->accepting = true;
        for (unsigned i = 0; i < thread->server->settings.listeners_count; i++) {
            if (thread->listening[i].socket != NULL) {
                h2o_socket_read_start(thread->listening[i].socket, on_accept);
            }
        }
    }
}

static void loop_begin(struct http_thread *thread)
{
    const struct http_server_settings *settings = &thread->server->settings;
    h2o_config_init(&thread->config);
    thread->config.server_name = h2o_iovec_init(H2O_STRLIT("txtd"));
    thread->config.max_request_entity_size = settings->limits.body_max;
    thread->config.http1.req_timeout = HTTP1_TIMEOUT_MS;
    thread->config.http1.upgrade_to_http2 = 0;
    thread->config.http2.idle_timeout = settings->limits.idle_ms;
    thread->config.http2.max_concurrent_requests_per_connection = HTTP2_STREAMS_MAX;
    h2o_hostconf_t *host = h2o_config_register_host(&thread->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_handler_t *handler = h2o_create_handler(path, sizeof *handler);
    handler->on_req = http_exchange_begin;
    h2o_context_init(&thread->context, h2o_evloop_create(), &thread->config);
    thread->accept = (h2o_accept_ctx_t){.ctx = &thread->context, .hosts = thread->config.hosts};
    thread->queue = h2o_multithread_create_queue(thread->context.loop);
    h2o_multithread_register_receiver(thread->queue, &thread->receiver, http_exchange_woken);
    for (unsigned i = 0; i < settings->listeners_count; i++) {
        struct http_listening *listening = &thread->listening[i];
        listening->socket = h2o_evloop_socket_create(thread->context.loop, listening->fd, H2O_SOCKET_FLAG_DONT_READ);
        listening->socket->data = listening;
        listening->fd = -1; /* the socket's now */
    }
    accept_again(thread);
}

static void listeners_close(struct http_thread *thread)
{
    for (unsigned i = 0; i < HTTP_LISTENERS_MAX; i++) {
        if (thread->listening[i].socket != NULL) {
            h2o_socket_close(thread->listening[i].socket);
            thread->listening[i].socket = NULL;
        }
    }
}

static void turn(struct http_thread *thread, int32_t wait_ms)
{
    (void)h2o_evloop_run(thread->context.loop, wait_ms);
    thread->now_ms = mono_ms();
}

static bool something_is_written(const struct http_thread *thread)
{
    const struct http_connection *connection;
    cds_list_for_each_entry(connection, &thread->connections, link)
    {
        if (connection->outer_writing || connection->queued_len > 0 || connection->inner_writing) {
            return true;
        }
    }
    return false;
}

/* Lets what runs finish, for a bounded time; then closes everything. */
static void loop_end(struct http_thread *thread)
{
    listeners_close(thread);
    uint64_t until_ms = __atomic_load_n(&thread->server->stop_at_ms, __ATOMIC_ACQUIRE);
    turn(thread, 0);
    while (thread->exchanges > 0 && thread->now_ms < until_ms) {
        turn(thread, 10);
    }
    for (unsigned i = 0; i < STOP_TURNS_MAX && (i < 3 || something_is_written(thread)); i++) {
        turn(thread, i < 3 ? 0 : 10);
    }
    while (!cds_list_empty(&thread->connections)) {
        http_connection_close(cds_list_first_entry(&thread->connections, struct http_connection, link));
    }
    /* libh2o sees the ends of its connections, and those who still wait to be woken go. */
    for (unsigned i = 0; i < STOP_TURNS_MAX && (i < 3 || thread->exchanges > 0 ||
                                                thread->context.http1._conns.next != &thread->context.http1._conns);
         i++) {
        turn(thread, i < 3 ? 0 : 10);
    }
    h2o_multithread_unregister_receiver(thread->queue, &thread->receiver);
    h2o_multithread_destroy_queue(thread->queue);
    h2o_context_dispose(&thread->context);
    h2o_evloop_destroy(thread->context.loop);
    h2o_config_dispose(&thread->config);
}

/* libh2o writes to sockets whose other end may be closed: that is an error to it, and must be no signal to the process. */
static void block_sigpipe(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *run(void *argument)
{
    struct http_thread *thread = argument;
    struct http_server *server = thread->server;
    block_sigpipe();
    /* Priority belongs to the thread on Linux: the DNS workers come first. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), server->settings.nice);
    thread->now_ms = mono_ms();
    loop_begin(thread);
    __atomic_store_n(&thread->ready, true, __ATOMIC_RELEASE);
    uint64_t tick_at_ms = 0;
    while (!__atomic_load_n(&server->stop, __ATOMIC_ACQUIRE)) {
        turn(thread, HTTP_TICK_MS);
        if (thread->now_ms >= tick_at_ms) {
            tick_at_ms = thread->now_ms + HTTP_TICK_MS;
            http_connections_check(thread);
            accept_again(thread);
        }
    }
    loop_end(thread);
    return NULL;
}

/* --- The server --- */

int http_server_start(struct http_server *server, struct error_detail *detail)
{
    bool tls = false;
    for (unsigned i = 0; i < server->settings.listeners_count; i++) {
        tls |= server->settings.listeners[i].tls;
    }
    for (unsigned i = 0; i < server->settings.threads; i++) {
        struct http_thread *thread = &server->threads[i];
        if (tls) {
            thread->tls = tls_thread_new(server->settings.tls, server->settings.http2);
        }
        int error = tls && thread->tls == NULL ? ENOMEM : pthread_create(&thread->thread, NULL, run, thread);
        if (error != 0) {
            http_server_stop(server, 0);
            return error_describe(detail, TXTD_ESYS, "cannot start HTTP thread %u: %s", i, strerror(error));
        }
        thread->running = true;
        char name[16];
        (void)snprintf(name, sizeof name, "http-%u", i % 1000);
        (void)pthread_setname_np(thread->thread, name);
    }
    return 0;
}

void http_server_stop(struct http_server *server, unsigned drain_ms)
{
    __atomic_store_n(&server->stop_at_ms, mono_ms() + drain_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&server->stop, true, __ATOMIC_RELEASE);
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
    for (unsigned i = 0; i < server->settings.threads; i++) {
        for (unsigned j = 0; j < HTTP_LISTENERS_MAX; j++) {
            if (server->threads[i].listening[j].fd >= 0) {
                (void)close(server->threads[i].listening[j].fd);
            }
        }
        tls_thread_free(server->threads[i].tls);
    }
    tcp_clients_free(server->clients);
    (void)pthread_mutex_destroy(&server->clients_lock);
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
    sum->connections = __atomic_load_n(&server->connections, __ATOMIC_RELAXED);
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
