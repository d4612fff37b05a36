/* publisher.h: the change feed's one consumer: makes committed changes visible to the DNS workers.
 *
 * Its thread is the delegate table's only writer once txtd runs: it applies every message of the feed, acknowledges what it
 * has applied to the committer (which then completes the requests: durable, and served), and between messages turns
 * expired values into idle entries. It is no QSBR reader.
 */
#ifndef TXTD_CONTROL_PUBLISHER_H
#define TXTD_CONTROL_PUBLISHER_H

#include <stdint.h>

#include "dataplane/error.h"

struct committer;
struct delegate_table;
struct feed;
struct log;
struct publisher;
struct value_ttls;

struct publisher_stats {
    uint64_t revision; /* the last one that is served */
    uint64_t applied;  /* messages */
    uint64_t expired;  /* entries turned idle */
    uint64_t stalls;   /* tries to apply a message for which there was no memory */
};

/* Starts the thread, as nice as told; everything is borrowed until publisher_join. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int publisher_start(struct feed *feed, struct committer *committer, struct delegate_table *table,
                    const struct value_ttls *ttls, struct log *log, int nice, struct publisher **publisher);

/* Waits until the feed is closed (committer_stop does that) and everything in it is served, and frees. */
void publisher_join(struct publisher *publisher);

/* Any thread. */
void publisher_stats(const struct publisher *publisher, struct publisher_stats *stats);

#endif
