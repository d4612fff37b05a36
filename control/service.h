/* service.h: the rules of the service: who may register, who may change which delegate, how often, and what a change does.
 *
 * Knows no HTTP. An API handler authenticates an account, prepares a call, submits it, and is told when the change is
 * durable and served. Everything but that last message happens on the calling thread and never waits; the change itself is
 * decided on the committer's thread, on the state of that moment, where the key is checked once more.
 *
 * Settings are an immutable snapshot behind a reference count (service_rules.h), so SIGHUP can change them while calls run.
 */
#ifndef TXTD_CONTROL_SERVICE_H
#define TXTD_CONTROL_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "control/credentials.h"
#include "control/service_rules.h"
#include "dataplane/error.h"
#include "dataplane/zone/delegate.h"
#include "storage/store.h"

struct committer;
struct key_upgrade;
struct key_upgrades;
struct log;
struct service;
struct service_call;

/* What the service works with; all borrowed; `log`, `key_upgrades` and `secret` may be NULL. */
struct service_parts {
    struct store *store;
    struct committer *committer;
    struct key_upgrades *key_upgrades; /* NULL: bcrypt hashes open nothing */
    const uint8_t *secret; /* store_secret; NULL: usernames are random, and no account is found by its delegate */
    struct log *log;
};

/* Limits that a request can run into, told apart. */
enum service_limit {
    SERVICE_LIMIT_REGISTRATIONS_CLIENT,  /* of one client */
    SERVICE_LIMIT_REGISTRATIONS_NETWORK, /* of a wider prefix */
    SERVICE_LIMIT_REGISTRATIONS_TOTAL,   /* of all clients */
    SERVICE_LIMIT_UPDATES,               /* of one account, edits included */
    SERVICE_LIMIT_FAILURES,              /* wrong credentials of one client */
    SERVICE_LIMIT_BCRYPT,                /* imported keys tried, of one account */
    SERVICE_LIMIT_DELEGATES,             /* as many as there may be */
    SERVICE_LIMITS
};

#define SERVICE_EDIT_KINDS 10 /* enum service_edit_kind */

/* Sums since the start, but for the last two. Nothing but uint64_t. */
struct service_counters {
    uint64_t registrations, updates;    /* answered with success */
    uint64_t edits[SERVICE_EDIT_KINDS]; /* likewise, by kind: service_edits.h */
    uint64_t limits[SERVICE_LIMITS];    /* reached, each of them */
    /* Requests refused, each counted once: */
    uint64_t forbidden; /* wrong credentials */
    uint64_t not_found; /* no such thing, or none any more; registration is off; a zone that is not served */
    uint64_t limited;   /* by a rate limit */
    uint64_t full;      /* there are as many delegates as there may be */
    uint64_t conflict;  /* the delegate is not as the client thought: 409, 412 */
    uint64_t invalid;   /* more than there is room for: 400 */
    uint64_t busy;      /* a queue or the pool of calls was full */
    uint64_t failed;    /* our own trouble: the store takes no changes, no memory */
    /* Now: */
    uint64_t calls; /* updates and registrations under way */
    uint64_t edits_under_way;
};

/* Makes the service. Start-up thread, after the store and the committer. `settings` is copied.
 * Returns 0, TXTD_ENOMEM, or TXTD_EINVAL with a `detail`. */
int service_new(const struct service_parts *parts, const struct service_settings *settings, struct service **service,
                struct error_detail *detail);

/* Takes over new settings, all but calls_max; calls that run keep the old ones. One control thread at a time.
 * Returns as service_new does; on failure the old ones stay. */
int service_reload(struct service *service, const struct service_settings *settings, struct error_detail *detail);

/* After the HTTP server and the committer have ended: no call may be under way. */
void service_free(struct service *service);

/* Any thread. */
void service_counters(const struct service *service, struct service_counters *counters);

/* How many there may be of what the counters' gauges count. Any thread. */
struct service_bounds {
    uint64_t delegates_max; /* 0: no limit */
    uint64_t edits_max, calls_max;
};
void service_bounds(struct service *service, struct service_bounds *bounds);

/* The settings in force, held until service_rules_release. Any thread. */
struct service_rules *service_rules_hold(struct service *service);

/* An account that has shown a valid key. */
struct service_login {
    struct store_account account;
    uint8_t key_hash[CREDENTIALS_HASH_LEN]; /* of the key shown: it must still be valid when the change is decided */
    uint32_t key_id;
};

/* Checks a username, a key and the client's address against the store. Any thread; a point read.
 * Returns 0; TXTD_EFORBIDDEN for an unknown user, a wrong key, an address that is not allowed (in about the same time);
 * TXTD_ELIMITED with *retry_after_s instead, when this client has failed too often (a right key is still taken);
 * TXTD_EUNDECIDED when the key may be one that was imported with a bcrypt hash: service_prepare_upgrade; TXTD_EIO or
 * TXTD_ECORRUPT. */
int service_login(struct service *service, const uint8_t client[16], const char *username, size_t username_len,
                  const char *key, size_t key_len, struct service_login *login, unsigned *retry_after_s);

/* After TXTD_EUNDECIDED, with the same pair: prepares to find out (key_upgrade.h). Once that is done with success, a login
 * succeeds too; a wrong key is to be told to service_refused. The upgrade's maker is the service. Any thread. Returns 0 with an *upgrade that the caller submits
 * and frees; TXTD_ELIMITED with *retry_after_s when this client has failed, or this account was tried, too often; TXTD_EFULL;
 * TXTD_ENOMEM; TXTD_EFORBIDDEN when this is no pair of such an account. */
int service_prepare_upgrade(struct service *service, const uint8_t client[16], const char *username,
                            size_t username_len, const char *key, size_t key_len, struct key_upgrade **upgrade,
                            unsigned *retry_after_s);

/* Counts a request that a handler answers 400 before the service hears of it. Any thread. */
void service_count_invalid(struct service *service);

/* For a request of a logged-in client that is refused after all (a delegate that is not the account's): it counts as a
 * wrong key does. Any thread. Returns TXTD_EFORBIDDEN, or TXTD_ELIMITED with *retry_after_s. */
int service_refused(struct service *service, const uint8_t client[16], unsigned *retry_after_s);

/* The delegate of a logged-in account. Any thread; a point read. Returns 0, TXTD_ENOTFOUND (deleted, too), TXTD_EIO or
 * TXTD_ECORRUPT. */
int service_read_delegate(struct service *service, const struct service_login *login, struct delegate_state *delegate);

/* A delegate's history, newest first, without what a failed change may have left; and how it was asked for. As
 * store_read_history otherwise. `delegate` is as it was read just before. */
int service_read_history(struct service *service, const struct delegate_state *delegate,
                         struct store_event events[STORE_HISTORY_MAX], unsigned *count, struct store_usage *usage);

/* --- The operator's --- */

/* Whether `token` is one of the operator's. Any thread. Returns 0 with the token's name for logs, TXTD_EFORBIDDEN, or
 * TXTD_ELIMITED with *retry_after_s. */
int service_operator_login(struct service *service, const uint8_t client[16], const char *token, size_t len,
                           char token_id[CREDENTIALS_TOKEN_ID_LEN + 1], unsigned *retry_after_s);

/* Finds a delegate in whichever zone has it. Any thread; point reads. Returns 0, TXTD_ENOTFOUND (deleted, too) or as
 * store_read_delegate. */
int service_find_delegate(struct service *service, const struct service_rules *rules, const struct delegate_id *id,
                          struct delegate_state *delegate);

/* Finds a delegate's account. Any thread; a point read. Returns 0; TXTD_ENOTFOUND for one that was imported, or registered
 * before usernames could be told from delegates' names; or as store_read_account. */
int service_find_account(struct service *service, const struct delegate_state *delegate, struct store_account *account);

/* A page of accounts and their delegates. As store_read_accounts; the delegate of an account that has none is `deleted`. */
#define SERVICE_PAGE_MAX 256
struct service_page {
    unsigned count;
    bool more;
    struct store_account accounts[SERVICE_PAGE_MAX];
    struct delegate_state delegates[SERVICE_PAGE_MAX];
};
int service_read_page(struct service *service, const struct delegate_id *after, unsigned limit,
                      struct service_page *page);

/* What the service and the store behind it are doing. Any thread. */
struct service_stats {
    struct service_counters counters;
    uint64_t delegates, revision, queue_depth, commits;
    int writable; /* store_writable */
};
void service_stats(const struct service *service, struct service_stats *stats);

/* --- Changes --- */

/* All zero is what the acme-dns API asks for. */
struct service_registration {
    struct store_cidr allowfrom[STORE_ALLOWFROM_MAX];
    unsigned allowfrom_count;
    uint16_t zone;          /* its number; 0: the first */
    uint8_t slots;          /* 0: the zone's */
    int64_t value_expiry_s; /* 0: the zone's; or STORE_VALUE_EXPIRY_NEVER */
    uint8_t note_len;
    char note[STORE_NOTE_LEN_MAX];
    bool by_operator;                            /* needs no token, and is not limited */
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1]; /* of service_operator_login, then */
};

/* Prepares a new delegate with its account, or an update of `login`'s delegate. `token` is what the client has shown, or
 * NULL. Any thread.
 * Return 0 with a *call that the caller must submit; TXTD_EFORBIDDEN (another token is needed; it counts as a wrong key does) or
 * TXTD_ENOTFOUND (registration is off); TXTD_EQUOTA (there are as many delegates as there may be); TXTD_ELIMITED with *retry_after_s; TXTD_EFULL (too many calls under way); TXTD_EINVAL (value empty or too long);
 * TXTD_EUNSUPPORTED (the delegate's zone is no longer served); TXTD_ESYS or TXTD_ENOMEM. */
int service_prepare_registration(struct service *service, const uint8_t client[16], const char *token, size_t token_len,
                                 const struct service_registration *registration, struct service_call **call,
                                 unsigned *retry_after_s);
int service_prepare_update(struct service *service, const uint8_t client[16], const struct service_login *login,
                           const char *value, size_t value_len, struct service_call **call, unsigned *retry_after_s);

/* Called exactly once for a submitted call, on any thread, maybe before service_submit returns. Must not block. */
typedef void (*service_done_fn)(void *context);

/* Hands the change to the committer. Whatever happens, `done` is called; then the result can be read. */
void service_submit(struct service_call *call, service_done_fn done, void *context);

/* After `done`: 0 (durable and served); TXTD_EFORBIDDEN (the key was revoked or the delegate deleted meanwhile); TXTD_EFULL
 * (the committer's queue); TXTD_ENOSPC, TXTD_EIO, TXTD_ECLOSED ... (the store takes no changes now). Counts the result and
 * writes the audit line; call it once. */
int service_call_result(struct service_call *call);

/* The rules that the call was prepared under; the call's own. */
const struct service_rules *service_call_rules(const struct service_call *call);

/* What a successful registration made; valid until service_call_free. */
struct service_registered {
    struct delegate_id username;
    struct delegate_id delegate;
    const char *zone; /* apex */
    const char *server_url;
    const char *key; /* CREDENTIALS_KEY_LEN characters and a NUL; nobody else knows it */
    const struct store_cidr *allowfrom;
    unsigned allowfrom_count;
};
void service_call_registered(const struct service_call *call, struct service_registered *registered);

/* The account that a registration made; as long. */
const struct store_account *service_call_account(const struct service_call *call);

/* The value that an update set; NUL-terminated, valid until service_call_free. */
const char *service_call_value(const struct service_call *call);

/* Returns the call to the pool, its secrets wiped. After service_call_result. Any thread. */
void service_call_free(struct service_call *call);

#endif
