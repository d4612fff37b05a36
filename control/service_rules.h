/* service_rules.h: the settings of the service as one immutable snapshot with a reference count.
 *
 * A request takes the snapshot that is in force when it starts and keeps it to its end, so a reload never changes the rules
 * under a running request.
 */
#ifndef TXTD_CONTROL_SERVICE_RULES_H
#define TXTD_CONTROL_SERVICE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"
#include "control/credentials.h"
#include "dataplane/error.h"

struct service_zone {
    const char *name;       /* apex, lower case, no final dot */
    uint16_t number;        /* store_zone_number */
    unsigned slots;         /* values served at once, 2..DELEGATE_VALUES_MAX */
    int64_t value_expiry_s; /* values are served so long after the last update; 0: until they are replaced */
};

/* What main fills in; everything is copied. */
struct service_settings {
    const struct service_zone *zones; /* the first is where delegates are registered; at least one */
    unsigned zones_count;
    enum config_registration registration;
    const char *const *registration_tokens;
    unsigned registration_tokens_count;
    const char *const *operator_tokens;
    unsigned operator_tokens_count;
    struct config_rates rates;
    int64_t expire_unused_s, expire_idle_s; /* 0: never */
    const char *server_url;                 /* what clients reach the API by, without a final slash */
    const char *const *cors_origins;
    unsigned cors_origins_count;
    uint64_t delegates_max; /* registrations are refused at it; 0: no limit */
    unsigned edits_max;     /* edits under way at once; more are answered 503 */
    unsigned calls_max;     /* changes under way at once, all clients together; more are answered 503 */
};

/* The snapshot. Read only; pointers belong to it. */
struct service_rules {
    struct service_zone *zones;
    unsigned zones_count;
    enum config_registration registration;
    struct config_rates rates;
    uint64_t delegates_max;
    unsigned edits_max;
    int64_t expire_unused_s, expire_idle_s;
    char *server_url;
    char **cors_origins;
    unsigned cors_origins_count;
    struct service_tokens {
        uint8_t (*hashes)[CREDENTIALS_HASH_LEN]; /* sorted */
        unsigned count;
    } registration_tokens, operator_tokens;
    unsigned references; /* atomic */
};

/* Copies `settings`; the caller holds the one reference. Returns 0, TXTD_ENOMEM, or TXTD_EINVAL with a `detail`. */
int service_rules_new(const struct service_settings *settings, struct service_rules **rules,
                      struct error_detail *detail);

/* One more reference, for a caller who holds one already. Any thread. */
void service_rules_retain(struct service_rules *rules);

/* Gives one back; the last one frees. Any thread. NULL is fine. */
void service_rules_release(struct service_rules *rules);

/* The zone with this number, or NULL. */
const struct service_zone *service_rules_zone(const struct service_rules *rules, uint16_t number);

/* Whether `token` is one of the registration tokens; then `id` (may be NULL) is its name for logs. Compares hashes, so the time
 * tells nothing of the tokens. */
bool service_rules_token_valid(const struct service_rules *rules, const char *token, size_t len,
                               char id[CREDENTIALS_TOKEN_ID_LEN + 1]);

/* The same for the operator's. */
bool service_rules_operator_valid(const struct service_rules *rules, const char *token, size_t len,
                                  char id[CREDENTIALS_TOKEN_ID_LEN + 1]);

#endif
