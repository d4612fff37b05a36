/* Composing the sockets, the UDP workers and the TCP thread. */
#include "dataplane/io/server.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/io/socket.h"
#include "dataplane/io/tcp.h"
#include "dataplane/io/udp.h"

#define PORT_TRIES 16 /* for one free port that UDP and TCP can have both */

/* One UDP worker. Nothing of it is written by another thread while it runs. */
struct worker {
    struct respond_worker respond; /* first: aligned to a cache line */
    struct udp_worker udp;
    struct udp_socket sockets[DNS_SERVER_ADDRESSES_MAX];
    pthread_t thread;
    int cpu; /* to be pinned to, or -1 */
    bool running;
} __attribute__((aligned(64)));

struct dns_server {
    struct dns_server_settings settings; /* with the real ports and the real number of workers */
    const struct responder *responder;
    struct worker *workers;
    int listeners[DNS_SERVER_ADDRESSES_MAX];
    struct tcp_server *tcp;
    pthread_t tcp_thread;
    bool tcp_running;
    bool stop; /* atomic */
};

/* --- CPUs --- */

static unsigned allowed_cpus(int cpus[], unsigned room)
{
    cpu_set_t set;
    unsigned found = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 0;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE && found < room; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            cpus[found++] = cpu;
        }
    }
    return found;
}

/* Steering by the receiving CPU is right only where worker n runs on CPU n, for every CPU of the machine. */
static bool steering_fits(const struct dns_server *server)
{
    if (!server->settings.pin || (long)server->settings.workers != sysconf(_SC_NPROCESSORS_ONLN)) {
        return false;
    }
    for (unsigned i = 0; i < server->settings.workers; i++) {
        if (server->workers[i].cpu != (int)i) {
            return false;
        }
    }
    return server->settings.workers > 1;
}

static int make_workers(struct dns_server *server)
{
    int cpus[DNS_SERVER_WORKERS_MAX];
    unsigned cpus_count = allowed_cpus(cpus, DNS_SERVER_WORKERS_MAX);
    if (server->settings.workers == 0) {
        server->settings.workers = cpus_count > 0 ? cpus_count : 1;
    }
    if (server->settings.workers > DNS_SERVER_WORKERS_MAX) {
        return TXTD_EINVAL;
    }
    server->workers = aligned_alloc(64, server->settings.workers * sizeof server->workers[0]);
    if (server->workers == NULL) {
        return TXTD_ENOMEM;
    }
    memset(server->workers, 0, server->settings.workers * sizeof server->workers[0]);
    for (unsigned i = 0; i < server->settings.workers; i++) {
        struct worker *worker = &server->workers[i];
        worker->cpu = server->settings.pin && cpus_count > 0 ? cpus[i % cpus_count] : -1;
        worker->udp = (struct udp_worker){.responder = server->responder,
                                          .respond = &worker->respond,
                                          .gather_us = server->settings.gather_us,
                                          .sockets = worker->sockets,
                                          .sockets_count = server->settings.addresses_count,
                                          .stop = &server->stop};
        for (unsigned j = 0; j < DNS_SERVER_ADDRESSES_MAX; j++) {
            worker->sockets[j].fd = -1;
        }
    }
    return 0;
}

/* A worker's share of the process's limits. */
static uint32_t share(uint32_t rate, unsigned workers)
{
    return rate == 0 ? 0 : (rate + workers - 1) / workers;
}

static int make_limiters(struct dns_server *server)
{
    unsigned workers = server->settings.workers;
    struct rrl_settings settings = server->settings.rrl_settings;
    settings.positive_per_s = share(settings.positive_per_s, workers);
    settings.other_per_s = share(settings.other_per_s, workers);
    for (unsigned i = 0; i < workers; i++) {
        responder_add_worker(server->responder, &server->workers[i].respond);
    }
    for (unsigned i = 0; server->settings.rrl && i < workers; i++) {
        int rc = rrl_new(&settings, &server->workers[i].respond.rrl);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* --- Sockets --- */

static bool wants_free_port(const struct dns_address *address)
{
    /* The port stands in the same place in both families. */
    return ((const struct sockaddr_in *)&address->address)->sin_port == 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* The TCP listener tells whether another txtd has the address: its SO_REUSEPORT group of UDP sockets would let us in. */
static int bind_address_once(struct dns_server *server, unsigned index, struct dns_address *address,
                             struct error_detail *detail)
{
    int fd = socket_udp(address, server->settings.udp_receive_buffer, detail);
    if (fd < 0) {
        return fd;
    }
    server->workers[0].sockets[index].fd = fd;
    int rc = socket_address(fd, address);
    if (rc != 0) {
        return error_describe(detail, rc, "cannot read a socket's address: %s", strerror(errno));
    }
    server->listeners[index] = socket_tcp(address, detail);
    if (server->listeners[index] < 0) {
        close_fd(&server->workers[0].sockets[index].fd);
        return TXTD_ESYS;
    }
    return 0;
}

/* Takes the sockets of one address from another server. Whoever queued a packet in them has it answered by us. */
static int inherit_address(struct dns_server *server, unsigned index, struct error_detail *detail)
{
    const struct dns_server_settings *settings = &server->settings;
    struct dns_address *address = &server->settings.addresses[index];
    const unsigned each = settings->workers + 1;
    if (settings->inherited_count != settings->addresses_count * each) {
        return error_describe(detail, TXTD_EINVAL,
                              "the running txtd has %u DNS sockets, not %u; after a change of "
                              "dns.listen or dns.workers it has to be stopped and started",
                              settings->inherited_count, settings->addresses_count * each);
    }
    const int *sockets = settings->inherited + (size_t)index * each;
    const bool wildcard = socket_is_wildcard(address);
    for (unsigned i = 0; i < each; i++) {
        if (socket_serves(sockets[i], i == 0 ? SOCK_STREAM : SOCK_DGRAM, address) != 0) {
            return error_describe(detail, TXTD_EINVAL,
                                  "the running txtd serves other addresses; after a change of "
                                  "dns.listen it has to be stopped and started");
        }
    }
    (void)socket_address(sockets[0], address); /* the port may have been any free one */
    server->listeners[index] = sockets[0];
    for (unsigned i = 0; i < settings->workers; i++) {
        server->workers[i].sockets[index] = (struct udp_socket){.fd = sockets[1 + i], .wildcard = wildcard};
    }
    return 0;
}

static int bind_address(struct dns_server *server, unsigned index, struct error_detail *detail)
{
    if (server->settings.inherited != NULL) {
        return inherit_address(server, index, detail);
    }
    struct dns_address *address = &server->settings.addresses[index];
    const struct dns_address asked = *address;
    unsigned tries = wants_free_port(&asked) ? PORT_TRIES : 1;
    int rc = TXTD_ESYS;
    for (unsigned i = 0; rc != 0 && i < tries; i++) {
        *address = asked;
        rc = bind_address_once(server, index, address, detail);
    }
    bool wildcard = socket_is_wildcard(address);
    for (unsigned i = 0; rc == 0 && i < server->settings.workers; i++) {
        struct udp_socket *socket = &server->workers[i].sockets[index];
        socket->wildcard = wildcard;
        if (i > 0) {
            socket->fd = socket_udp(address, server->settings.udp_receive_buffer, detail);
            rc = socket->fd < 0 ? socket->fd : 0;
        }
    }
    if (rc == 0 && steering_fits(server)) {
        (void)socket_steer_by_cpu(server->workers[0].sockets[index].fd, server->settings.workers);
    }
    return rc;
}

int dns_server_bind(const struct dns_server_settings *settings, const struct responder *responder,
                    struct dns_server **made, struct error_detail *detail)
{
    if (settings->addresses_count == 0 || settings->addresses_count > DNS_SERVER_ADDRESSES_MAX) {
        return error_describe(detail, TXTD_EINVAL, "between 1 and %d DNS listen addresses are needed, not %u",
                              DNS_SERVER_ADDRESSES_MAX, settings->addresses_count);
    }
    struct dns_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "out of memory");
    }
    server->settings = *settings;
    server->responder = responder;
    for (unsigned i = 0; i < DNS_SERVER_ADDRESSES_MAX; i++) {
        server->listeners[i] = -1;
    }
    int rc = make_workers(server);
    if (rc == 0) {
        rc = make_limiters(server);
    }
    if (rc != 0) {
        (void)error_describe(detail, rc, "cannot make %u DNS workers: %s", settings->workers, txtd_error_text(rc));
    }
    for (unsigned i = 0; rc == 0 && i < settings->addresses_count; i++) {
        rc = bind_address(server, i, detail);
    }
    server->settings.inherited = NULL;
    if (rc == 0) {
        rc = tcp_server_new(responder, &settings->tcp, server->listeners, settings->addresses_count, &server->stop,
                            &server->tcp);
        if (rc != 0) {
            (void)error_describe(detail, rc, "cannot make the DNS TCP server: %s", txtd_error_text(rc));
        }
    }
    if (rc != 0) {
        dns_server_free(server);
        return rc;
    }
    *made = server;
    return 0;
}

void dns_server_addresses(const struct dns_server *server, struct dns_address addresses[DNS_SERVER_ADDRESSES_MAX])
{
    memcpy(addresses, server->settings.addresses, sizeof server->settings.addresses);
}

unsigned dns_server_sockets(const struct dns_server *server, int sockets[], unsigned room)
{
    unsigned count = 0;
    for (unsigned i = 0; i < server->settings.addresses_count; i++) {
        for (unsigned j = 0; j <= server->settings.workers; j++, count++) {
            if (count < room) {
                sockets[count] = j == 0 ? server->listeners[i] : server->workers[j - 1].sockets[i].fd;
            }
        }
    }
    return count;
}

/* --- Threads --- */

static void *run_worker(void *argument)
{
    (void)udp_worker_run(argument);
    return NULL;
}

static void *run_tcp(void *argument)
{
    tcp_server_run(argument);
    return NULL;
}

static int start_worker(struct worker *worker, unsigned number, struct error_detail *detail)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error == 0 && worker->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(worker->cpu, &set);
        error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (error == 0) {
        error = pthread_create(&worker->thread, &attributes, run_worker, &worker->udp);
    }
    (void)pthread_attr_destroy(&attributes);
    if (error != 0) {
        return error_describe(detail, TXTD_ESYS, "cannot start DNS worker %u: %s", number, strerror(error));
    }
    worker->running = true;
    char name[16];
    (void)snprintf(name, sizeof name, "dns-udp-%u", number % 1000);
    (void)pthread_setname_np(worker->thread, name);
    return 0;
}

int dns_server_start(struct dns_server *server, struct error_detail *detail)
{
    int rc = 0;
    __atomic_store_n(&server->stop, false, __ATOMIC_RELEASE);
    for (unsigned i = 0; rc == 0 && i < server->settings.workers; i++) {
        rc = start_worker(&server->workers[i], i, detail);
    }
    if (rc == 0) {
        int error = pthread_create(&server->tcp_thread, NULL, run_tcp, server->tcp);
        if (error != 0) {
            rc = error_describe(detail, TXTD_ESYS, "cannot start the DNS TCP thread: %s", strerror(error));
        } else {
            server->tcp_running = true;
            (void)pthread_setname_np(server->tcp_thread, "dns-tcp");
        }
    }
    if (rc != 0) {
        dns_server_stop(server);
    }
    return rc;
}

void dns_server_stop(struct dns_server *server)
{
    __atomic_store_n(&server->stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < server->settings.workers; i++) {
        if (server->workers[i].running) {
            (void)pthread_join(server->workers[i].thread, NULL);
            server->workers[i].running = false;
        }
    }
    if (server->tcp_running) {
        (void)pthread_join(server->tcp_thread, NULL);
        server->tcp_running = false;
    }
}

void dns_server_free(struct dns_server *server)
{
    if (server == NULL) {
        return;
    }
    tcp_server_free(server->tcp);
    for (unsigned i = 0; i < DNS_SERVER_ADDRESSES_MAX; i++) {
        close_fd(&server->listeners[i]);
    }
    for (unsigned i = 0; server->workers != NULL && i < server->settings.workers; i++) {
        for (unsigned j = 0; j < DNS_SERVER_ADDRESSES_MAX; j++) {
            close_fd(&server->workers[i].sockets[j].fd);
        }
        rrl_free(server->workers[i].respond.rrl);
    }
    free(server->workers);
    free(server);
}

/* --- Counters --- */

static void add_counters(struct respond_counters *sum, const struct respond_counters *counters)
{
    /* A struct of nothing but uint64_t. */
    const uint64_t *from = (const uint64_t *)counters;
    uint64_t *to = (uint64_t *)sum;
    for (unsigned i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

void dns_server_counters(const struct dns_server *server, struct respond_counters *sum, struct dns_tcp_counters *tcp)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < server->settings.workers; i++) {
        add_counters(sum, &server->workers[i].respond.counters);
    }
    add_counters(sum, tcp_server_responses(server->tcp));
    tcp_server_counters(server->tcp, tcp);
}
