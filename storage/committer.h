/* committer.h: the one thread that changes the store: group commit.
 *
 * Requests from any thread wait in a bounded queue. The committer takes all that wait (up to a batch), lets each decide its
 * new state on the *current* one (so that rotation is right however many requests arrive together), commits them with one
 * sync, appends them to the feed, and completes each once the feed's consumer has acknowledged its revision: durable, and
 * served by this process.
 */
#ifndef TXTD_STORAGE_COMMITTER_H
#define TXTD_STORAGE_COMMITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/feed.h"
#include "storage/store.h"

struct committer;

/* What a request may look at and change. The committer fills delegate and account with the current state (those of earlier
 * requests of the same batch included); version 0 means "does not exist". `decide` changes them in place and sets the
 * flags; the committer counts the versions up. */
struct change_state {
    struct delegate_state delegate;
    struct store_account account;
    bool write_delegate;
    bool write_account;
    bool
        write_event; /* beside write_delegate: `event` goes into the delegate's history, its version being the new one */
    bool revoke;     /* beside write_account: `revoked`, which is no longer among its keys, leaves a tombstone */
    struct store_event event;
    struct store_key revoked;
};

/* One request; the caller owns it until `complete` is called. */
struct change_request {
    struct change_request *next; /* the committer's */
    uint64_t revision;           /* the committer's: once this is served, the request is done */
    int result;                  /* the committer's */
    uint16_t zone;               /* key of the delegate to load */
    struct delegate_id delegate;
    bool wants_account; /* load the account `username` too */
    struct delegate_id username;

    /* Computes the new state, on the committer thread; must not block. Returns 0, or a code with which the request is completed
     * without a write (for example TXTD_EFORBIDDEN). Values and keys above their counts hold anything. When it returns 0 and
     * writes nothing, the request is completed once the state that it saw is durable and served. */
    int (*decide)(struct change_request *request, struct change_state *state, int64_t now_s);

    /* Called once, on the committer's or the feed consumer's thread, with 0 (durable and served) or a code. Must not block. */
    void (*complete)(struct change_request *request, int result);
};

struct committer_settings {
    size_t queue_max; /* requests waiting; above it committer_submit answers TXTD_EFULL */
    size_t batch_max; /* requests of one commit; each takes about 6 KiB of memory for good */
    int nice;         /* of the thread: changes must not hold up DNS */
};

#define COMMITTER_CLASSES 10 /* by their time, in which commits are counted */

struct committer_stats {
    uint64_t requests, commits, refused_full, failed,
        conflicts; /* failed: requests of commits the store did not take */
    uint64_t queue_depth, queue_max;
    uint64_t served_revision;                /* everything up to it is served */
    uint64_t commit_us_total, commit_us_max; /* time of store_commit */
    struct {
        uint64_t us;      /* the class's longest */
        uint64_t commits; /* those too long for the class before; what is too long for all is in none */
    } classes[COMMITTER_CLASSES];
};

/* Starts the thread. `store` and `feed` are borrowed. Returns 0 or a code. */
int committer_start(struct store *store, struct feed *feed, const struct committer_settings *settings,
                    struct committer **committer);

/* Hands in a request. Any thread; never waits. Returns 0 (then `complete` will be called exactly once), or TXTD_EFULL or
 * TXTD_ECLOSED (then it will not). */
int committer_submit(struct committer *committer, struct change_request *request);

/* The feed's consumer: everything up to `revision` is served; completes those requests, on the calling thread. It may be
 * called after each message or once for a run of them. */
void committer_published(struct committer *committer, uint64_t revision);

/* Takes no more requests, commits those that wait, closes the feed; joins the thread. Requests are completed as the
 * consumer acknowledges. */
void committer_stop(struct committer *committer);

/* After committer_stop and after the consumer has ended; completes what is left with TXTD_ECLOSED and frees. */
void committer_free(struct committer *committer);

void committer_stats(const struct committer *committer, struct committer_stats *stats);

#endif
