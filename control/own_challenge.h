/* own_challenge.h: the values of txtd's own ACME challenge, at the reserved delegate (CONFIG_RESERVED_DELEGATE).
 *
 * That delegate has no account: no API key can change it, only who may use the control socket. It goes the way of every other
 * change: committer, store, feed, table. It is made by the first value. Values expire by themselves, for a hook that was
 * killed never clears them.
 */
#ifndef TXTD_CONTROL_OWN_CHALLENGE_H
#define TXTD_CONTROL_OWN_CHALLENGE_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

struct committer;
struct own_challenge;

#define OWN_CHALLENGE_EXPIRY_S 3600

/* `committer` is borrowed; `zone` is the number of the zone that has the delegate. Start-up thread. Returns 0 or TXTD_ENOMEM. */
int own_challenge_new(struct committer *committer, uint16_t zone, struct own_challenge **made);

/* After committer_free, or instead of its use. NULL is fine. */
void own_challenge_free(struct own_challenge *challenge);

/* Another zone from now on. Any thread. */
void own_challenge_move(struct own_challenge *challenge, uint16_t zone);

/* Publishes a value beside those that are there; a 17th takes the place of the oldest. Waits until it is durable and
 * served, so not for a DNS worker or an HTTP loop. One thread at a time.
 * Returns 0; TXTD_EINVAL (empty or longer than DELEGATE_VALUE_LEN_MAX); what the committer says: TXTD_EFULL, TXTD_EIO ... */
int own_challenge_publish(struct own_challenge *challenge, const char *value, size_t len);

/* Takes a value away; NULL: all. It is no error when there is none. As own_challenge_publish otherwise. */
int own_challenge_clear(struct own_challenge *challenge, const char *value, size_t len);

#endif
