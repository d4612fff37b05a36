/* service_internal.h: what the files of the service share: service.c (logins, settings), service_limits.c, service_calls.c and
 * service_edits*.c (changes). */
#ifndef TXTD_CONTROL_SERVICE_INTERNAL_H
#define TXTD_CONTROL_SERVICE_INTERNAL_H

#include <pthread.h>

#include "control/rate_limit.h"
#include "control/service.h"
#include "storage/committer.h"

/* Sizes of the tables of rate limits. */
#define SERVICE_CLIENTS_REMEMBERED  65536
#define SERVICE_ACCOUNTS_REMEMBERED 262144

#define SECONDS_PER_MINUTE 60 /* most limits are by the minute */

struct service {
    struct service_parts parts;
    struct rate_limit *registrations;          /* by client */
    struct rate_limit *registrations_networks; /* by wider prefixes */
    struct rate_limit *registrations_total;    /* of all, under one key */
    struct rate_limit *updates;                /* by account */
    struct rate_limit *failures;               /* by client */
    struct rate_limit *upgrades;               /* by account: keys tried against bcrypt hashes */

    pthread_mutex_t rules_lock; /* guards the pointer, not what it points to */
    struct service_rules *rules;

    pthread_mutex_t calls_lock; /* guards the four below */
    struct service_call *calls; /* calls_max of them; those from calls_used on were never taken */
    struct service_call *calls_free;
    unsigned calls_max, calls_used;

    uint64_t registering;             /* delegates on their way: service_take_room */
    struct service_counters counters; /* relaxed atomics */
};

/* Adds to one of the counters. */
#define service_count(service, counter) ((void)__atomic_add_fetch(&(service)->counters.counter, 1, __ATOMIC_RELAXED))

/* Takes one from a limit, and counts if it was reached. Returns as rate_limit_take does. */
int service_take(struct service *service, enum service_limit limit, struct rate_limit *of, struct rate rate,
                 const uint8_t key[RATE_LIMIT_KEY_LEN], unsigned *retry_after_s);

/* Whether registration is open to who shows this token, whose name for logs is then in `token_id`. Returns 0, TXTD_EFORBIDDEN or
 * TXTD_ENOTFOUND (registration is off). */
int service_may_register(const struct service_rules *rules, const char *token, size_t token_len,
                         char token_id[CREDENTIALS_TOKEN_ID_LEN + 1]);

/* Counts a registration against its client, the client's networks, and all. Returns 0 or TXTD_ELIMITED. */
int service_limit_registration(struct service *service, const struct service_rules *rules, const uint8_t client[16],
                               unsigned *retry_after_s);

/* Takes room for one more delegate: those on their way count like those that are there, so that there are never more than may be. Returns 0 or
 * TXTD_EQUOTA. Given back once the store counts it, or it failed. Any thread. */
int service_take_room(struct service *service, const struct service_rules *rules);
void service_give_room_back(struct service *service);

/* Counts a refusal of a prepare or a login. Returns `code`. */
int service_count_refusal(struct service *service, int code);

#define SERVICE_CLIENT_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

/* Writes an address as people do, IPv4 in its own form. */
void service_format_client(const uint8_t address[16], char text[SERVICE_CLIENT_TEXT_MAX]);

/* --- For what is decided on the committer's thread --- */

/* Whether the account of a change is still there, still has the delegate, and still has the key. */
bool service_key_opens(const struct change_request *request, const struct change_state *state,
                       const uint8_t key_hash[CREDENTIALS_HASH_LEN]);

/* What goes for the values of an account's delegate: its own, or the zone's. */
unsigned service_slots(const struct store_account *account, const struct service_zone *zone);
int64_t service_value_expiry_s(const struct store_account *account, const struct service_zone *zone);

/* Notes the change in the delegate's history; service_event_text adds what it was about. */
void service_fill_event(struct change_state *state, uint8_t kind, const uint8_t client[16], uint32_t key_id,
                        int64_t now_s);
void service_event_text(struct change_state *state, const char *text, size_t len);

/* Microseconds of the monotonic clock. */
uint64_t service_now_us(void);

/* The pool of calls: service_calls.c. */
int service_calls_new(struct service *service, unsigned calls_max);
void service_calls_free(struct service *service);

#endif
