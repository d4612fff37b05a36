/* One loop thread: its libh2o, its listeners, its life. Everything of libh2o is made on the thread that uses it. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/http_internal.h"

#define TICK_MS           100                        /* between two looks at the deadlines */
#define H2O_TIMEOUT_MS    (24ull * 24 * 3600 * 1000) /* libh2o's own go by the wall clock, which may jump: ours do */
#define HTTP2_STREAMS_MAX 100
#define END_TURNS         3 /* for octets to go through the pair and back */
#define END_TURNS_MAX     100
#define END_TURN_MS       10

uint64_t http_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- libh2o --- */

static void handle_below(h2o_pathconf_t *path)
{
    h2o_handler_t *handler = h2o_create_handler(path, sizeof *handler);
    handler->on_req = http_exchange_begin;
}

static void loop_begin(struct http_thread *thread)
{
    const struct http_server_settings *settings = &thread->server->settings;
    h2o_config_init(&thread->config);
    thread->config.server_name = h2o_iovec_init(H2O_STRLIT("txtd"));
    thread->config.max_request_entity_size =
        settings->limits.body_max + 1; /* the guard is exact; libh2o is off by one */
    thread->config.http1.req_timeout = H2O_TIMEOUT_MS;
    thread->config.http1.upgrade_to_http2 = 0;
    thread->config.http2.idle_timeout = H2O_TIMEOUT_MS;
    thread->config.http2.max_concurrent_requests_per_connection = HTTP2_STREAMS_MAX;
    h2o_hostconf_t *host = h2o_config_register_host(&thread->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    handle_below(h2o_config_register_path(host, "/", 0));
    handle_below(&host->fallback_path); /* targets that are no path: "*", or with a host in front */
    h2o_context_init(&thread->context, h2o_evloop_create(), &thread->config);
    thread->accept = (h2o_accept_ctx_t){.ctx = &thread->context, .hosts = thread->config.hosts};
    thread->queue = h2o_multithread_create_queue(thread->context.loop);
    h2o_multithread_register_receiver(thread->queue, &thread->receiver, http_exchange_woken);
    h2o_multithread_register_receiver(thread->queue, &thread->arrivals, http_accept_arrived);
    for (unsigned i = 0; i < settings->listeners_count; i++) {
        struct http_listening *listening = &thread->listening[i];
        listening->socket = h2o_evloop_socket_create(thread->context.loop, listening->fd, H2O_SOCKET_FLAG_DONT_READ);
        listening->socket->data = listening;
        listening->fd = -1; /* the socket's now */
    }
}

static void turn(struct http_thread *thread, int32_t wait_ms)
{
    (void)h2o_evloop_run(thread->context.loop, wait_ms);
    thread->now_ms = http_now_ms();
}

/* --- The end --- */

static void listeners_close(struct http_thread *thread)
{
    for (unsigned i = 0; i < thread->server->settings.listeners_count; i++) {
        h2o_socket_close(thread->listening[i].socket);
        thread->listening[i].socket = NULL;
    }
}

static bool something_is_written(const struct http_thread *thread)
{
    const struct http_connection *connection;
    cds_list_for_each_entry(connection, &thread->connections, link)
    {
        if (connection->outer_writing || connection->queued.len > 0 || connection->inner_writing) {
            return true;
        }
    }
    return false;
}

/* Lets what runs finish, for a bounded time; then closes every connection. */
static void connections_end(struct http_thread *thread)
{
    uint64_t until_ms = __atomic_load_n(&thread->server->stop_at_ms, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < END_TURNS || (!cds_list_empty(&thread->exchanges) && thread->now_ms < until_ms); i++) {
        turn(thread, i < END_TURNS ? 0 : END_TURN_MS);
    }
    for (unsigned i = 0; i < END_TURNS || (something_is_written(thread) && i < END_TURNS_MAX); i++) {
        turn(thread, i < END_TURNS ? 0 : END_TURN_MS);
    }
    /* What handlers work with ends once this thread has said that it is here, while libh2o may hold requests on that nobody
     * waits for: it does not look at the connection of one that has no answer yet. */
    thread->ended = true;
    while (!cds_list_empty(&thread->connections)) {
        http_connection_close(cds_list_first_entry(&thread->connections, struct http_connection, link));
    }
}

/* Exchanges that are kept still are woken, or never will be. A waker may be within http_exchange_wake for a moment after its
 * exchange has gone, so the queue lives until there are no wakers. */
static void exchanges_end(struct http_thread *thread)
{
    while (!__atomic_load_n(&thread->server->forget, __ATOMIC_ACQUIRE)) {
        turn(thread, END_TURN_MS);
    }
    turn(thread, 0);
    http_exchange_forget(thread);
}

static void loop_end(struct http_thread *thread)
{
    const h2o_context_t *context = &thread->context;
    for (unsigned i = 0; i < END_TURNS || (i < END_TURNS_MAX && (context->http1._conns.next != &context->http1._conns ||
                                                                 context->http2._conns.next != &context->http2._conns));
         i++) {
        turn(thread, i < END_TURNS ? 0 : END_TURN_MS);
    }
    h2o_multithread_unregister_receiver(thread->queue, &thread->receiver);
    h2o_multithread_unregister_receiver(thread->queue, &thread->arrivals);
    h2o_multithread_destroy_queue(thread->queue);
    h2o_context_dispose(&thread->context);
    h2o_evloop_destroy(thread->context.loop);
    h2o_config_dispose(&thread->config);
    tls_thread_free(thread->tls);
}

/* --- Together --- */

/* libh2o writes to sockets whose other end may be closed: that is an error to it, and must be no signal to the process. */
static void block_sigpipe(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool tls_begin(struct http_thread *thread)
{
    const struct http_server_settings *settings = &thread->server->settings;
    for (unsigned i = 0; i < settings->listeners_count; i++) {
        if (settings->listeners[i].tls) {
            thread->tls = tls_thread_new(settings->tls, settings->http2);
            return thread->tls != NULL;
        }
    }
    return true;
}

void *http_thread_run(void *argument)
{
    struct http_thread *thread = argument;
    struct http_server *server = thread->server;
    block_sigpipe();
    /* Priority belongs to the thread on Linux: the DNS workers come first. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), server->settings.nice);
    thread->now_ms = http_now_ms();
    if (!tls_begin(thread)) {
        (void)__atomic_add_fetch(&server->failed, 1, __ATOMIC_RELEASE);
        (void)sem_post(&server->progress);
        return NULL;
    }
    loop_begin(thread);
    http_accept_again(thread);
    __atomic_store_n(&thread->begun, true, __ATOMIC_RELEASE);
    (void)sem_post(&server->progress);
    uint64_t tick_at_ms = 0;
    while (!__atomic_load_n(&server->stop, __ATOMIC_ACQUIRE)) {
        turn(thread, TICK_MS);
        if (thread->now_ms >= tick_at_ms) {
            tick_at_ms = thread->now_ms + TICK_MS;
            http_deadlines_check(thread);
            http_accept_again(thread);
        }
    }
    listeners_close(thread);
    connections_end(thread);
    (void)sem_post(&server->progress);
    exchanges_end(thread);
    loop_end(thread);
    return NULL;
}
