#include "control/health.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "control/health_query.h"
#include "control/service.h"
#include "control/store_watch.h"
#include "storage/store.h"

#define PROBE_EVERY_S 1
#define PROBE_TRIES   3 /* a full socket buffer or a rate limit may cost one */
#define TRY_MS        250

struct health {
    struct health_settings settings;
    int socket;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t stop;
    bool stopping;
    atomic_bool dns_answers;
    atomic_int store;
    atomic_bool store_damaged;
    struct store_watch watch; /* the probe's */
};

/* --- The probe --- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sends the query and waits for its answer; answers to earlier ones are passed over. */
static bool try_once(int fd, const uint8_t *query, size_t query_len)
{
    uint8_t answer[HEALTH_QUERY_MAX * 4];
    if (send(fd, query, query_len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)query_len) {
        return false;
    }
    int64_t until_ms = now_ms() + TRY_MS;
    for (int64_t left_ms = TRY_MS; left_ms > 0; left_ms = until_ms - now_ms()) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, (int)left_ms) <= 0) {
            continue;
        }
        ssize_t len = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
        if (len < 0 && errno != EAGAIN && errno != EINTR) {
            return false; /* ECONNREFUSED: nobody is bound there */
        }
        if (len > 0 && health_query_answered(query, answer, (size_t)len)) {
            return true;
        }
    }
    return false;
}

static bool dns_answers(struct health *health)
{
    uint8_t query[HEALTH_QUERY_MAX];
    struct service_rules *rules = service_rules_hold(health->settings.service);
    bool answered = false;
    for (unsigned i = 0; i < PROBE_TRIES && !answered; i++) {
        uint16_t id;
        int len = getrandom(&id, sizeof id, 0) == (ssize_t)sizeof id
                      ? health_query_build(rules->zones[0].name, id, query)
                      : TXTD_ESYS;
        answered = len > 0 && try_once(health->socket, query, (size_t)len);
    }
    service_rules_release(rules);
    return answered;
}

static void probe(struct health *health)
{
    bool answered = dns_answers(health);
    atomic_store_explicit(&health->dns_answers, answered, memory_order_relaxed);
    int writable = store_watch_look(&health->watch, now_ms() / 1000);
    atomic_store_explicit(&health->store, writable, memory_order_relaxed);
    atomic_store_explicit(&health->store_damaged, store_watch_is_damaged(&health->watch), memory_order_relaxed);
}

static void *run(void *context)
{
    struct health *health = context;
    struct timespec next;
    (void)clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&health->lock);
    while (!health->stopping) {
        /* From start to start: a probe that has to try again does not put off the one after it. */
        next.tv_sec += PROBE_EVERY_S;
        int waited = 0;
        while (!health->stopping && waited != ETIMEDOUT) {
            waited = pthread_cond_timedwait(&health->stop, &health->lock, &next);
        }
        if (!health->stopping) {
            pthread_mutex_unlock(&health->lock);
            probe(health);
            pthread_mutex_lock(&health->lock);
        }
    }
    pthread_mutex_unlock(&health->lock);
    return NULL;
}

/* --- Start and stop --- */

/* Where to send to reach a socket that is bound to this address. */
static struct sockaddr_storage reachable(struct sockaddr_storage address)
{
    if (address.ss_family == AF_INET) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address;
        if (ipv4->sin_addr.s_addr == htonl(INADDR_ANY)) {
            ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&address;
        if (IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr)) {
            ipv6->sin6_addr = in6addr_loopback;
        }
    }
    return address;
}

static int open_socket(struct health *health)
{
    struct sockaddr_storage address = reachable(health->settings.dns_address);
    health->socket = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (health->socket < 0) {
        return TXTD_ESYS;
    }
    if (connect(health->socket, (struct sockaddr *)&address, health->settings.dns_address_len) != 0) {
        (void)close(health->socket);
        return TXTD_ESYS;
    }
    return 0;
}

static int start_thread(struct health *health)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&health->stop, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&health->lock, NULL);
    return pthread_create(&health->thread, NULL, run, health) == 0 ? 0 : TXTD_ESYS;
}

int health_start(const struct health_settings *settings, struct health **health, struct error_detail *detail)
{
    struct health *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    made->settings = *settings;
    made->watch = (struct store_watch){.store = settings->store, .log = settings->log};
    int result = open_socket(made);
    if (result != 0) {
        result = error_describe(detail, result, "no socket to ask the own DNS server with: %s", strerror(errno));
        free(made);
        return result;
    }
    probe(made);
    result = start_thread(made);
    if (result != 0) {
        result = error_describe(detail, result, "no thread for the health probe can be started");
        (void)close(made->socket);
        free(made);
        return result;
    }
    *health = made;
    return 0;
}

void health_stop(struct health *health)
{
    pthread_mutex_lock(&health->lock);
    health->stopping = true;
    pthread_cond_signal(&health->stop);
    pthread_mutex_unlock(&health->lock);
    pthread_join(health->thread, NULL);
    pthread_mutex_destroy(&health->lock);
    pthread_cond_destroy(&health->stop);
    (void)close(health->socket);
    free(health);
}

void health_read(const struct health *health, struct health_report *report)
{
    report->dns_answers = atomic_load_explicit(&health->dns_answers, memory_order_relaxed);
    report->store = atomic_load_explicit(&health->store, memory_order_relaxed);
    report->store_damaged = atomic_load_explicit(&health->store_damaged, memory_order_relaxed);
    report->reason = !report->dns_answers           ? "the DNS server does not answer"
                     : report->store == TXTD_ENOSPC ? "free space for the store is below its reserve"
                     : report->store != 0           ? "the store cannot be written"
                     : report->store_damaged        ? "a file of the store is damaged: the log names it (store.corrupt)"
                                                    : "";
}
