/* How many connections there may be: of all clients together, and of each. */
#include "control/http_internal.h"

static unsigned *places(struct http_server *server, const struct http_listener *listener)
{
    return listener->reserved ? &server->reserved : &server->connections;
}

static bool take_place(struct http_server *server, const struct http_listener *listener)
{
    unsigned most = listener->reserved ? HTTP_RESERVED_PLACES : server->settings.limits.connections_max;
    if (__atomic_add_fetch(places(server, listener), 1, __ATOMIC_RELAXED) <= most) {
        return true;
    }
    (void)__atomic_sub_fetch(places(server, listener), 1, __ATOMIC_RELAXED);
    return false;
}

bool http_admission_enter(struct http_thread *thread, const struct http_listener *listener)
{
    struct http_server *server = thread->server;
    if (!take_place(server, listener) &&
        !(http_deadlines_make_place(thread, listener->reserved) && take_place(server, listener))) {
        http_count(&thread->counters.refused_total);
        return false;
    }
    __atomic_store_n(&thread->open, thread->open + 1, __ATOMIC_RELAXED);
    return true;
}

bool http_admission_enter_client(struct http_connection *connection)
{
    struct http_server *server = connection->thread->server;
    struct sockaddr_storage address;
    http_address_to(connection->address, &address);
    pthread_mutex_lock(&server->clients_lock);
    connection->client = tcp_clients_enter(server->clients, (const struct sockaddr *)&address,
                                           server->settings.limits.connections_per_client_max);
    pthread_mutex_unlock(&server->clients_lock);
    if (connection->client == NULL) {
        http_count(&connection->thread->counters.refused_per_client);
    }
    return connection->client != NULL;
}

void http_admission_leave(struct http_thread *thread, const struct http_listener *listener, struct tcp_client *client)
{
    struct http_server *server = thread->server;
    if (client != NULL) {
        pthread_mutex_lock(&server->clients_lock);
        tcp_clients_leave(server->clients, client);
        pthread_mutex_unlock(&server->clients_lock);
    }
    __atomic_store_n(&thread->open, thread->open - 1, __ATOMIC_RELAXED);
    (void)__atomic_sub_fetch(places(server, listener), 1, __ATOMIC_RELAXED);
}
