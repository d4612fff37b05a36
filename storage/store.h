/* store.h: where delegates and accounts are kept, whatever keeps them (RocksDB now, etcd later).
 *
 * A commit takes changes {key, expected version, new state} and answers applied or conflict for each; what it answers
 * `applied` survives kill -9 and power loss. The committer then hands every applied change, with its revision, to the change
 * feed (feed.h).
 * One thread commits (committer.h); any thread reads.
 */
#ifndef TXTD_STORAGE_STORE_H
#define TXTD_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/zone/delegate.h"

struct store;

#define STORE_KEYS_MAX      4  /* API keys valid at once for one account */
#define STORE_ALLOWFROM_MAX 32 /* CIDRs of one account */
#define STORE_ZONE_NAME_MAX 256
#define STORE_NOTE_LEN_MAX  255 /* octets of an account's note */

#define STORE_VALUE_EXPIRY_NEVER (-1)

/* A prefix; IPv4 in the IPv4-mapped form ::ffff:0:0/96, so `len` is 96 + the IPv4 length. */
struct store_cidr {
    uint8_t address[16];
    uint8_t len; /* bits, 0..128 */
    bool is_ipv4;
};

enum store_key_scheme { STORE_KEY_SHA256 = 1, STORE_KEY_BCRYPT = 2 };

struct store_key {
    uint8_t scheme;   /* enum store_key_scheme */
    uint8_t hash_len; /* 32 for SHA-256, 60 for bcrypt text */
    uint8_t hash[64];
    uint32_t key_id; /* names the key in the API and the history, never the secret */
    int64_t created_s;
};

/* Who may change a delegate. */
struct store_account {
    struct delegate_id username;
    struct delegate_id delegate; /* the one delegate this account may change */
    uint16_t zone;               /* and its zone's number */
    uint8_t keys_count;
    uint8_t allowfrom_count; /* 0: from everywhere */
    struct store_key keys[STORE_KEYS_MAX];
    struct store_cidr allowfrom[STORE_ALLOWFROM_MAX];
    int64_t created_s;
    uint64_t version;       /* as in struct delegate_state */
    bool deleted;           /* a tombstone: it has no keys, and its username is not given out again */
    uint8_t slots;          /* values served at once; 0: as the zone has it */
    int64_t value_expiry_s; /* 0: as the zone has it; or STORE_VALUE_EXPIRY_NEVER */
    uint32_t last_key_id;   /* the highest that was given out, if no key has it any more; else 0 */
    uint8_t note_len;
    char note[STORE_NOTE_LEN_MAX]; /* the customer's own words, UTF-8 */
};

/* The highest key_id of the account's present keys; 0: it has none. Pure. */
uint32_t store_account_highest_key_id(const struct store_account *account);

/* --- What is kept beside delegates and accounts --- */

#define STORE_HISTORY_MAX    64  /* events kept of one delegate at most */
#define STORE_EVENT_TEXT_MAX 255 /* octets */

/* Written to disk: numbers are never given another meaning. */
enum store_event_kind {
    STORE_EVENT_UPDATED = 1,   /* a value was added; text: it */
    STORE_EVENT_VALUES_SET,    /* values were set; subject: how many; text: they, as far as there is room */
    STORE_EVENT_VALUE_REMOVED, /* text: it */
    STORE_EVENT_SETTINGS,      /* text: which of allowfrom and note */
    STORE_EVENT_KEY_ADDED,     /* subject: its key_id */
    STORE_EVENT_KEY_REVOKED,   /* likewise */
    STORE_EVENT_PERSISTENT,    /* persistent values were set; subject: how many; text: they */
    STORE_EVENT_DISABLED,
    STORE_EVENT_ENABLED,
    STORE_EVENT_DELETED,
    STORE_EVENT_EXPIRED, /* deleted by txtd itself, for it was not used */
};

/* One change of a delegate, for its owner to read. */
struct store_event {
    uint8_t kind;     /* enum store_event_kind */
    uint64_t version; /* of the delegate: which this change made; the store fills it in */
    int64_t at_s;
    uint32_t key_id; /* whose key it was; 0: the operator's or txtd's own doing */
    uint32_t subject;
    uint8_t client[16]; /* from where, IPv4 as ::ffff:0:0/96; all zero: from within */
    uint8_t text_len;
    char text[STORE_EVENT_TEXT_MAX];
};

/* How a delegate was asked for over DNS. */
struct store_usage {
    int64_t asked_at_s; /* the last time, to the hour; 0: never */
    uint64_t asked_count;
};

/* The tombstone of a key that was revoked, or of the last key of a deleted account. */
struct store_revoked {
    struct delegate_id username;
    uint32_t key_id;
    int64_t at_s;
};

/* One change of a commit. Exactly what is set is written. */
struct store_change {
    const struct delegate_state *delegate; /* its `version` is the new one: the current one + 1; or NULL */
    const struct store_account *account;   /* likewise; or NULL */
    const struct store_event *event;       /* goes into the delegate's history; NULL: none. Only beside a delegate */
    const struct store_key *revoked;       /* leaves a tombstone for good; NULL: none. Only beside an account */
    int result;        /* out: 0 applied, TXTD_ECONFLICT; TXTD_ECORRUPT or TXTD_EIO: could not be judged */
    uint64_t revision; /* out: of this change, when applied */
};

struct store_options {
    const char *directory;     /* created with mode 0700 when it does not exist (its parent must) */
    const char *log_directory; /* RocksDB's own info LOG; NULL: discarded. Never on the data filesystem by default */
    uint64_t reserve;          /* octets of free space below which commits are refused with TXTD_ENOSPC */
    size_t block_cache;        /* octets */
    unsigned history;          /* events kept of each delegate, at most STORE_HISTORY_MAX; 0: none */
    bool sync;                 /* false only in tests that prove that it matters */
};

/* Opens or creates. Refuses with `detail`: a directory that is not ours or not writable, one locked by another process, a
 * newer schema (TXTD_EUNSUPPORTED), corruption (TXTD_ECORRUPT, names the file). Touches nothing when it refuses.
 * Never fork after this call. Returns 0 or a code. */
int store_open(const struct store_options *options, struct store **store, struct error_detail *detail);

/* Opens a store for reading only, as it is at this moment, whether another process has it open or not; neither locks nor changes
 * it. Point reads, pages of accounts and store_zone_find may be called, and store_close. Returns 0 or a code with a `detail`. */
int store_open_reader(const struct store_options *options, struct store **store, struct error_detail *detail);

/* The same, but refuses one of which a file is missing, too short or damaged, or that has not as many delegates as its last commit
 * counted, all of which are read for it: what the other takes for an older, smaller store. *store is NULL then. Codes as store_open. */
int store_open_whole_reader(const struct store_options *options, struct store **store, struct error_detail *detail);

/* Flushes and closes. No other call may be running. */
void store_close(struct store *store);

/* Closes the database for another process to open, and lets go of its lock, without an end: reads and commits are answered
 * TXTD_EIO or TXTD_ECLOSED, revision and estimate stay what they were. Waits for reads and a commit under way. One control
 * thread. Returns 0, or TXTD_EIO (with a failed write still to be undone, or a backup being made, nothing is given away: try
 * again). */
int store_suspend(struct store *store);

/* Opens it again. The same thread. Returns 0, or a code with a `detail`, nothing changed: TXTD_EEXISTS while the other process
 * has it, TXTD_ECORRUPT when it lacks what was committed here. */
int store_resume(struct store *store, struct error_detail *detail);

/* The number of the zone with this apex (presentation form, lower case, no final dot); given and made durable at first
 * use. Start-up thread. Returns 0 or a code. */
int store_zone_number(struct store *store, const char *apex, uint16_t *number, struct error_detail *detail);

/* The same without making one: TXTD_ENOTFOUND when the zone has no number yet. */
int store_zone_find(struct store *store, const char *apex, uint16_t *number, struct error_detail *detail);

/* Random octets of this store's own, made and durable at first use, and part of its backups. Start-up thread. Returns 0 or a code. */
#define STORE_SECRET_LEN 32
int store_secret(struct store *store, uint8_t secret[STORE_SECRET_LEN], struct error_detail *detail);

/* The revision of the last change that was applied: each one has its own, one above that before it. Any thread. */
uint64_t store_revision(const struct store *store);

/* How many delegates there are, tombstones left out (for reserving). Any thread. */
uint64_t store_delegates_estimate(const struct store *store);

/* Called for each delegate of a scan, tombstones left out; `part` is the index of the range (0 .. parts-1), each of which is
 * one thread. Non-zero stops the whole scan with that code. */
typedef int (*store_scan_fn)(void *context, unsigned part, const struct delegate_state *state);

/* Reads all delegates in `parts` disjoint ranges, each on a thread of its own. Start-up: no commit may be under way. Returns 0 or
 * a code with a `detail`: TXTD_ECORRUPT also when there are not as many as the last commit counted. */
int store_scan(struct store *store, unsigned parts, store_scan_fn each, void *context, struct error_detail *detail);

/* Point reads; any thread; may touch the disk. Return 0, TXTD_ENOTFOUND, TXTD_ECORRUPT or TXTD_EIO. A deleted delegate is
 * found, with `deleted` set. */
int store_read_delegate(struct store *store, uint16_t zone, const struct delegate_id *id, struct delegate_state *state);
int store_read_account(struct store *store, const struct delegate_id *username, struct store_account *account);

/* One look-up of many. */
struct store_lookup {
    struct delegate_state *delegate; /* filled; NULL: not wanted. Its id and zone are the key: set them before */
    struct store_account *account;   /* filled; NULL: not wanted. Its username is the key: set it before */
    int delegate_result;             /* out: as store_read_delegate */
    int account_result;              /* out: as store_read_account */
};

/* Point reads of many at once, with few calls of the store below; any thread; may touch the disk. Each look-up has its own
 * result; what was not found or not read is left as it was. */
void store_read_many(struct store *store, struct store_lookup lookups[], size_t count);

/* One page of accounts in the order of their usernames, tombstones included: those behind `after` (NULL: from the first), at
 * most `limit`. Any thread; touches the disk. Returns 0 with *count (fewer than `limit`: there are no more), TXTD_ECORRUPT or
 * TXTD_EIO. */
int store_read_accounts(struct store *store, const struct delegate_id *after, unsigned limit,
                        struct store_account accounts[], unsigned *count);

/* A delegate's history, newest first, and how it was asked for. Any thread; touches the disk. Returns 0 with *count, which is
 * 0 for a delegate without any, TXTD_ECORRUPT or TXTD_EIO. `usage` may be NULL. */
int store_read_history(struct store *store, uint16_t zone, const struct delegate_id *id,
                       struct store_event events[STORE_HISTORY_MAX], unsigned *count, struct store_usage *usage);

/* Whether this very key was revoked. Any thread; a point read. Returns 0 with *revoked, TXTD_ENOTFOUND, TXTD_ECORRUPT or
 * TXTD_EIO. */
int store_read_revoked(struct store *store, const struct store_key *key, struct store_revoked *revoked);

/* One delegate that was asked for: what is added to its usage. */
struct store_usage_note {
    uint16_t zone;
    struct delegate_id delegate;
    struct store_usage usage; /* the time replaces an older one; the count is added */
};

/* Adds up to STORE_USAGE_NOTES_MAX of them, each of another delegate, in one synced write, for which a commit may have to wait: so that
 * many are some 200 KiB. One thread at a time, beside the committer. Returns 0, TXTD_ENOSPC, TXTD_ECORRUPT or TXTD_EIO (also while
 * the store is opened anew). */
#define STORE_USAGE_NOTES_MAX 4096
int store_note_usage(struct store *store, const struct store_usage_note notes[], size_t count);

/* Makes `count` changes durable in one atomic, synced write. A change whose version is not the stored one + 1 is answered
 * TXTD_ECONFLICT and left out whole; two changes of one key in one commit follow one another. The committer thread only.
 * Returns 0 with *revision (of the last applied change; the one before the commit when none was), or TXTD_ENOSPC /
 * TXTD_EIO: nothing applied. After a failed write the store is opened anew in the background, and what that write
 * may have left on the disk is undone before the next commit is taken. */
int store_commit(struct store *store, struct store_change changes[], size_t count, uint64_t *revision);

/* The store on its filesystem, in octets. */
struct store_disk {
    uint64_t used;      /* by the files of the store; at most 10 s old */
    uint64_t available; /* on the filesystem; at most 1 s old */
    uint64_t reserve;   /* below which commits are refused */
};

/* Any thread, no I/O. */
void store_disk(const struct store *store, struct store_disk *disk);

/* What went wrong since the store was opened, in RocksDB's words, which name the file: the last of each kind. */
struct store_trouble {
    uint64_t damaged_reads;      /* found damage; `damage` says where */
    uint64_t failed_writes;      /* also reopenings that failed; `failure` says why */
    struct error_detail damage;  /* "": none */
    struct error_detail failure; /* likewise */
};

/* Any thread, no I/O. */
void store_trouble(const struct store *store, struct store_trouble *trouble);

/* Whether commits would be taken now: 0, TXTD_ENOSPC, TXTD_EIO, TXTD_ECLOSED (suspended). At most 1 s old. Any thread, no I/O. */
int store_writable(const struct store *store);

#endif
