/* rrl.h: response rate limiting: how many answers of a kind a client prefix gets per second.
 *
 * Each worker owns one (nothing is shared per query); the configured rate is divided by the number of workers by the
 * caller. Several prefix lengths are counted at once (v4 /32 /24 /20, v6 /128 /64 /56 /48) in a fixed-size heavy-hitter
 * table with decay, so that neither one address nor a subnet floods through us. Positive TXT answers to existing
 * delegates have a far higher limit: certificate authorities ask from five places at once.
 */
#ifndef TXTD_DATAPLANE_GUARD_RRL_H
#define TXTD_DATAPLANE_GUARD_RRL_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

struct rrl;
struct sockaddr;

enum rrl_kind {
    RRL_POSITIVE = 0, /* a delegate's TXT values */
    RRL_OTHER = 1,    /* NXDOMAIN, NODATA, REFUSED, errors, ANY, static records */
};

enum rrl_verdict { RRL_PASS, RRL_SLIP /* answer with TC */, RRL_DROP };

struct rrl_settings {
    uint32_t positive_per_s; /* per worker and single address; wider prefixes get multiples; 0: no limit */
    uint32_t other_per_s;    /* the same */
    uint32_t slip;           /* every n-th limited answer is a TC instead of a drop; 0: never, 1: always */
    size_t table_entries;    /* rounded up to a power of two; bounds the memory (8 octets each) */
};

/* Makes the limiter of one worker, with a random hash key. Returns 0, TXTD_EINVAL (no entries, or more than 2^28),
 * TXTD_ENOMEM or TXTD_ESYS (no random numbers). */
int rrl_new(const struct rrl_settings *settings, struct rrl **rrl);
void rrl_free(struct rrl *rrl);

/* Counts one answer to `client` and says what to do with it. Only the owning worker; no lock, no system call.
 * mono_ms never goes back. */
enum rrl_verdict rrl_count(struct rrl *rrl, const struct sockaddr *client, enum rrl_kind kind, uint64_t mono_ms);

#endif
