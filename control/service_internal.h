/* service_internal.h: what service.c (logins, settings) and service_calls.c (changes) share. */
#ifndef TXTD_CONTROL_SERVICE_INTERNAL_H
#define TXTD_CONTROL_SERVICE_INTERNAL_H

#include <pthread.h>

#include "control/rate_limit.h"
#include "control/service.h"

/* Sizes of the tables of rate limits. */
#define SERVICE_CLIENTS_REMEMBERED  65536
#define SERVICE_ACCOUNTS_REMEMBERED 262144

struct service {
    struct service_parts parts;
    struct rate_limit *registrations; /* by client; the sum of all under a key of its own */
    struct rate_limit *registrations_total;
    struct rate_limit *updates;  /* by account */
    struct rate_limit *failures; /* by client */
    struct rate_limit *upgrades; /* by account: keys tried against bcrypt hashes */

    pthread_mutex_t rules_lock; /* guards the pointer, not what it points to */
    struct service_rules *rules;

    pthread_mutex_t calls_lock; /* guards the four below */
    struct service_call *calls; /* calls_max of them; those from calls_used on were never taken */
    struct service_call *calls_free;
    unsigned calls_max, calls_used;

    struct service_counters counters; /* relaxed atomics */
};

/* Adds to one of the counters. */
#define service_count(service, counter) ((void)__atomic_add_fetch(&(service)->counters.counter, 1, __ATOMIC_RELAXED))

/* Counts a refusal of a prepare or a login. Returns `code`. */
int service_count_refusal(struct service *service, int code);

/* Microseconds of the monotonic clock. */
uint64_t service_now_us(void);

/* The pool of calls: service_calls.c. */
int service_calls_new(struct service *service, unsigned calls_max);
void service_calls_free(struct service *service);

#endif
