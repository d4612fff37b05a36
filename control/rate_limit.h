/* rate_limit.h: how often something may happen, for each of many keys (client prefixes, accounts), in bounded memory.
 *
 * The generic cell rate algorithm (ITU-T I.371 annex A): one time stamp per key says when its allowance will be whole
 * again. `amount` may happen at once, then they come back evenly over the period. The table has a fixed size; when a place is
 * needed, the key that owes least is forgotten, so whoever floods it with keys can at most make it more lenient.
 *
 * Any thread: a lock is held for some dozen nanoseconds.
 */
#ifndef TXTD_CONTROL_RATE_LIMIT_H
#define TXTD_CONTROL_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

struct rate_limit;

#define RATE_LIMIT_KEY_LEN 16

/* So many in a period. An amount of 0 is no limit. */
struct rate {
    unsigned amount;
    unsigned period_s;
};

/* `keys` is how many are remembered, rounded up to a power of two (16 octets each). Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int rate_limit_new(size_t keys, struct rate_limit **limit);
void rate_limit_free(struct rate_limit *limit);

/* Counts one for `key` if the rate allows it. `now_us` is a monotonic clock.
 * Returns 0, or TXTD_ELIMITED with the seconds (at least 1) after which one would be allowed again. */
int rate_limit_take(struct rate_limit *limit, struct rate rate, const uint8_t key[RATE_LIMIT_KEY_LEN], uint64_t now_us,
                    unsigned *retry_after_s);

/* What rate_limit_take would return, without counting. */
int rate_limit_look(struct rate_limit *limit, struct rate rate, const uint8_t key[RATE_LIMIT_KEY_LEN], uint64_t now_us,
                    unsigned *retry_after_s);

/* The key of a client: an IPv4 address, or the /64 of an IPv6 address, which one customer can fill at will. Pure. */
void rate_limit_client_key(const uint8_t address[16], uint8_t key[RATE_LIMIT_KEY_LEN]);

/* A wider prefix of a client, and how many times a client's limit it gets. */
struct rate_limit_network {
    uint8_t key[RATE_LIMIT_KEY_LEN]; /* of one prefix length alone */
    unsigned multiple;
};

/* The wider prefixes that are counted beside a client's key: the IPv4 /24, where many unrelated clients live; the IPv6 /56 and
 * /48, of which one customer can have every /64. In a table of their own. Returns how many. Pure. */
#define RATE_LIMIT_NETWORKS_MAX 2
unsigned rate_limit_networks(const uint8_t address[16], struct rate_limit_network networks[RATE_LIMIT_NETWORKS_MAX]);

/* So many times an amount, no limit staying none, and no more than an amount can be. Pure. */
unsigned rate_limit_multiple(unsigned amount, unsigned multiple);

#endif
