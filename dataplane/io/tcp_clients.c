#include "dataplane/io/tcp_clients.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/dns/cookie.h"

#define PREFIX_LEN 8

struct tcp_client {
    struct tcp_client *next; /* in the bucket */
    uint8_t prefix[PREFIX_LEN];
    unsigned connections;
};

struct tcp_clients {
    uint8_t key[COOKIE_SECRET_LEN]; /* addresses come from outside: nobody chooses his bucket */
    size_t mask;
    struct tcp_client *buckets[];
};

struct tcp_clients *tcp_clients_new(unsigned connections_max)
{
    size_t size = 16;
    while (size < connections_max) {
        size *= 2;
    }
    struct tcp_clients *clients = calloc(1, sizeof *clients + size * sizeof(struct tcp_client *));
    if (clients == NULL || getrandom(clients->key, sizeof clients->key, 0) != sizeof clients->key) {
        free(clients);
        return NULL;
    }
    clients->mask = size - 1;
    return clients;
}

void tcp_clients_free(struct tcp_clients *clients)
{
    free(clients); /* every connection has left */
}

static void prefix_of(const struct sockaddr *address, uint8_t prefix[PREFIX_LEN])
{
    memset(prefix, 0, PREFIX_LEN);
    if (address->sa_family == AF_INET) {
        prefix[0] = 0xff; /* no global IPv6 prefix begins so */
        memcpy(prefix + 4, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else {
        memcpy(prefix, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, PREFIX_LEN);
    }
}

static struct tcp_client **bucket_of(struct tcp_clients *clients, const uint8_t prefix[PREFIX_LEN])
{
    return &clients->buckets[siphash_2_4(clients->key, prefix, PREFIX_LEN) & clients->mask];
}

struct tcp_client *tcp_clients_enter(struct tcp_clients *clients, const struct sockaddr *address, unsigned limit)
{
    uint8_t prefix[PREFIX_LEN];
    prefix_of(address, prefix);
    struct tcp_client **bucket = bucket_of(clients, prefix);
    for (struct tcp_client *client = *bucket; client != NULL; client = client->next) {
        if (memcmp(client->prefix, prefix, PREFIX_LEN) == 0) {
            if (client->connections >= limit) {
                return NULL;
            }
            client->connections++;
            return client;
        }
    }
    struct tcp_client *client = calloc(1, sizeof *client);
    if (client != NULL) {
        memcpy(client->prefix, prefix, PREFIX_LEN);
        client->connections = 1;
        client->next = *bucket;
        *bucket = client;
    }
    return client;
}

void tcp_clients_leave(struct tcp_clients *clients, struct tcp_client *client)
{
    if (--client->connections > 0) {
        return;
    }
    struct tcp_client **link = bucket_of(clients, client->prefix);
    while (*link != client) {
        link = &(*link)->next;
    }
    *link = client->next;
    free(client);
}
