/* feed.h: the change feed: what was made durable, in order, to be served.
 *
 * A message is a plain serialised value with a revision, so that the feed can cross a process or a network; here it is a
 * bounded queue in memory between the committer and the one consumer, which applies each message to the delegate table
 * and acknowledges the revision (committer_published). An update is answered 200 only after that.
 */
#ifndef TXTD_STORAGE_FEED_H
#define TXTD_STORAGE_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/zone/delegate.h"

struct feed;

#define FEED_MESSAGE_MAX 8192 /* octets of one serialised message */

/* A queue of at most `capacity` octets. Returns 0 or TXTD_ENOMEM. */
int feed_new(size_t capacity, struct feed **feed);
void feed_free(struct feed *feed);

/* Serialises and decodes one message. Pure. Encode returns octets written or TXTD_ETRUNCATED; decode 0 or TXTD_ECORRUPT. */
int feed_message_encode(uint64_t revision, const struct delegate_state *state, uint8_t *message, size_t capacity);
int feed_message_decode(const uint8_t *message, size_t len, uint64_t *revision, struct delegate_state *state);

/* Appends a message; waits while the queue is full. The committer only. Returns 0 or TXTD_ECLOSED. */
int feed_append(struct feed *feed, const uint8_t *message, size_t len);

/* The same without waking a consumer that sleeps: feed_append of another message has to follow at once. */
int feed_append_of_many(struct feed *feed, const uint8_t *message, size_t len);

/* Takes the next message into `message`, waiting up to `timeout_ms`. The consumer only.
 * Returns its octets, 0 on time-out, TXTD_ECLOSED once closed and empty. */
int feed_next(struct feed *feed, uint8_t *message, size_t capacity, unsigned timeout_ms);

/* No more messages will come; wakes both sides. */
void feed_close(struct feed *feed);

#endif
