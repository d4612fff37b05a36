/* key_upgrade.h: keys of accounts that came from acme-dns: a bcrypt hash is verified once, and replaced by txtd's own.
 *
 * bcrypt is slow, so it is done by threads of its own, at the lowest priority, and what waits for them is bounded: when all
 * upgrades are under way the next one is refused. A right key leaves its SHA-256 in the account, durably, in the place of
 * the bcrypt hash and under the same key_id; from then on a login costs what every other one does.
 */
#ifndef TXTD_CONTROL_KEY_UPGRADE_H
#define TXTD_CONTROL_KEY_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "storage/store.h"

struct committer;
struct key_upgrade;
struct key_upgrades;
struct log;
struct store;

#define KEY_UPGRADE_KEY_LEN 40 /* of every key that acme-dns ever made */

/* What it works with; all borrowed, `log` may be NULL. */
struct key_upgrade_parts {
    struct store *store;
    struct committer *committer;
    struct log *log;
};

struct key_upgrade_settings {
    unsigned threads;
    unsigned queue_max; /* upgrades under way at once, verified or waiting */
};

/* Sums since the start. */
struct key_upgrade_counters {
    uint64_t upgraded, wrong, busy, failed;
    uint64_t waiting; /* under way now */
};

/* Starts the threads. Start-up thread. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int key_upgrades_start(const struct key_upgrade_parts *parts, const struct key_upgrade_settings *settings,
                       struct key_upgrades **upgrades);

/* Ends the threads; what they have not verified by then is done with TXTD_ECLOSED. Before committer_stop. NULL is fine. */
void key_upgrades_stop(struct key_upgrades *upgrades);

/* After key_upgrades_stop, committer_free and the end of whoever holds an upgrade. NULL is fine. */
void key_upgrades_free(struct key_upgrades *upgrades);

/* Any thread. */
void key_upgrades_counters(const struct key_upgrades *upgrades, struct key_upgrade_counters *counters);

/* Whether this account might have this key under a bcrypt hash: it has such a hash, and the key the form of acme-dns's, which
 * never took another one. Pure. */
bool key_upgrade_may_match(const struct store_account *account, const char *key, size_t key_len);

/* Prepares the upgrade of an account's key, which may be wrong. `key` has KEY_UPGRADE_KEY_LEN characters; `maker` is the
 * caller's own, for key_upgrade_maker. Any thread. Returns 0 with an *upgrade that the caller must submit and free, TXTD_EFULL or TXTD_ENOMEM. */
int key_upgrade_prepare(struct key_upgrades *upgrades, const struct delegate_id *username, const char *key, void *maker,
                        struct key_upgrade **upgrade);

/* Hands it to the threads. Whatever happens, `done` is called exactly once, on any thread, maybe before this returns. It must
 * not block. */
void key_upgrade_submit(struct key_upgrade *upgrade, void (*done)(void *context), void *context);

/* After `done`: 0 (the key is right, and the account has txtd's own hash of it, durably); TXTD_EFORBIDDEN (it is wrong);
 * TXTD_ENOSPC, TXTD_EIO, TXTD_ECLOSED ... (it could not be decided or kept now). */
int key_upgrade_result(const struct key_upgrade *upgrade);

/* The `maker` of key_upgrade_prepare. */
void *key_upgrade_maker(const struct key_upgrade *upgrade);

/* Wipes the key and gives the upgrade back. Any thread. */
void key_upgrade_free(struct key_upgrade *upgrade);

#endif
