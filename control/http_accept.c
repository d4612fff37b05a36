/* New connections: whichever thread takes one from the listening socket, it goes to the thread that has the fewest.
 *
 * Connections stay where they are, some for hours, so they have to be spread when they come. A thread that is not much ahead of
 * the others keeps what it took, so that in quiet times nothing is handed about.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/http_internal.h"

#define ACCEPTS_MAX    8 /* of one listener in one turn */
#define OPEN_AHEAD_MAX 4 /* connections more than the thread with the fewest */

/* A connection on its way to another thread. */
struct arrival {
    h2o_multithread_message_t message; /* first */
    const struct http_listener *listener;
    int fd;
};

static unsigned load_of(const struct http_thread *thread)
{
    return __atomic_load_n(&thread->open, __ATOMIC_RELAXED) + __atomic_load_n(&thread->arriving, __ATOMIC_RELAXED);
}

static struct http_thread *thread_for_next(struct http_thread *self)
{
    struct http_server *server = self->server;
    struct http_thread *fewest = self;
    for (unsigned i = 0; i < server->settings.threads; i++) {
        struct http_thread *other = &server->threads[i];
        if (__atomic_load_n(&other->begun, __ATOMIC_ACQUIRE) && load_of(other) < load_of(fewest)) {
            fewest = other;
        }
    }
    return load_of(self) > load_of(fewest) + OPEN_AHEAD_MAX ? fewest : self;
}

static void take_in(struct http_thread *thread, const struct http_listener *listener, int fd)
{
    http_connection_open(thread, listener,
                         h2o_evloop_socket_create(thread->context.loop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION));
}

static bool hand_over(struct http_thread *to, const struct http_listener *listener, int fd)
{
    struct arrival *arrival = calloc(1, sizeof *arrival);
    if (arrival == NULL) {
        return false;
    }
    arrival->listener = listener;
    arrival->fd = fd;
    (void)__atomic_add_fetch(&to->arriving, 1, __ATOMIC_RELAXED);
    h2o_multithread_send_message(&to->arrivals, &arrival->message);
    return true;
}

void http_accept_arrived(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct http_thread *thread = H2O_STRUCT_FROM_MEMBER(struct http_thread, arrivals, receiver);
    while (!h2o_linklist_is_empty(messages)) {
        h2o_multithread_message_t *message = H2O_STRUCT_FROM_MEMBER(h2o_multithread_message_t, link, messages->next);
        h2o_linklist_unlink(&message->link);
        struct arrival *arrival = (struct arrival *)message;
        if (__atomic_load_n(&thread->server->stop, __ATOMIC_ACQUIRE)) {
            (void)close(arrival->fd);
        } else {
            take_in(thread, arrival->listener, arrival->fd);
        }
        (void)__atomic_sub_fetch(&thread->arriving, 1, __ATOMIC_RELAXED);
        free(arrival);
    }
}

static void on_accept(h2o_socket_t *socket, const char *error)
{
    struct http_listening *listening = socket->data;
    struct http_thread *thread = listening->thread;
    const int on = 1;
    for (unsigned i = 0; error == NULL && i < ACCEPTS_MAX; i++) {
        int fd = accept4(h2o_socket_get_fd(socket), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                thread->accepting = false; /* until the next tick */
                http_count(&thread->counters.accept_pauses);
                h2o_socket_read_stop(socket);
            }
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct http_thread *next = thread_for_next(thread);
        if (next == thread || !hand_over(next, listening->listener, fd)) {
            take_in(thread, listening->listener, fd);
        }
    }
}

void http_accept_again(struct http_thread *thread)
{
    if (!thread->accepting) {
        thread->accepting = true;
        for (unsigned i = 0; i < thread->server->settings.listeners_count; i++) {
            h2o_socket_read_start(thread->listening[i].socket, on_accept);
        }
    }
}
