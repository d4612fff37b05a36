/* rrl.c: a fixed-size table of heavy hitters with decay.
 *
 * Every client prefix that is counted has a load: the share of its limit that it has used up. An answer adds the price
 * LOAD_FULL / limit, and LOAD_FULL drains away each second, whatever the limit is: so all loads decay alike, a prefix
 * gets its limit at once and then its limit per second, and the loads of prefixes with different limits compare.
 *
 * The table is an array of buckets of one cache line. A prefix lives in the one bucket that its keyed hash names, known by
 * 16 further bits of the hash. A prefix that finds its bucket full takes the place of the least loaded one, so a flood
 * from random addresses pushes out the light ones and the heavy hitters stay. What an error does is always to forget a
 * little, except for two prefixes of one bucket that have the same 16 bits, and nobody outside can find such a pair
 * without the key.
 *
 * An answer is limited when any of its prefixes is at its limit, and then it is charged to none: one flooding address
 * uses up its own limit, not that of its neighbours.
 */
#include "dataplane/guard/rrl.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#define SLOTS                8            /* of a bucket: the tags fill one 16-byte vector */
#define LOAD_FULL            (1 << 28)    /* the load of a prefix that is at its limit */
#define DRAIN_MS             1000         /* in which a full load drains away */
#define LEVELS_MAX           4            /* prefix lengths counted at once */
#define KINDS                2            /* of enum rrl_kind */
#define SLIP_COUNTERS        256          /* power of two */
#define TABLE_ENTRIES_MAX    (1ull << 28) /* 2 GiB */
#define HUGE_PAGE_FROM_BYTES (2u << 20)

typedef uint16_t tag_vector __attribute__((vector_size(16)));
typedef int32_t load_vector __attribute__((vector_size(16)));

/* One cache line. */
struct bucket {
    union {
        uint16_t tags[SLOTS];
        tag_vector tags_vector;
    };
    union {
        int32_t loads[SLOTS]; /* 0: the slot is free */
        load_vector loads_vector[2];
    };
    uint64_t drained_ms; /* monotonic clock up to which the loads are drained */
    uint64_t unused;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");

/* Prefix lengths with the multiple of the limit that each gets. IPv4 networks hold many unrelated clients behind one
 * another's addresses; an IPv6 /64, and often the /56 or /48, belongs to one. */
struct level {
    uint64_t mask_high, mask_low; /* of the address as two halves; an IPv4 address is all in `high` */
    uint16_t multiple;
};
#define V4_MASK(prefix_len) (0xffffffffull << (32 - (prefix_len)) & 0xffffffffull)
#define V6_MASK(prefix_len) (~0ull << (64 - (prefix_len))) /* of up to 64 */
static const struct level v4_levels[] = {{V4_MASK(32), 0, 1}, {V4_MASK(24), 0, 32}, {V4_MASK(20), 0, 256}};
static const struct level v6_levels[] = {
    {~0ull, ~0ull, 1}, {V6_MASK(64), 0, 2}, {V6_MASK(56), 0, 4}, {V6_MASK(48), 0, 8}};
#define V4_LEVELS (sizeof v4_levels / sizeof v4_levels[0])
#define V6_LEVELS (sizeof v6_levels / sizeof v6_levels[0])
_Static_assert(V4_LEVELS <= LEVELS_MAX && V6_LEVELS <= LEVELS_MAX, "levels fit");

struct rrl {
    struct bucket *buckets;
    uint64_t mask; /* number of buckets - 1 */
    uint64_t key;
    uint64_t v4_keys[KINDS][V4_LEVELS];
    uint64_t v6_keys[KINDS][V6_LEVELS];
    int32_t v4_prices[KINDS][V4_LEVELS]; /* 0: no limit */
    int32_t v6_prices[KINDS][V6_LEVELS];
    uint32_t slip;
    uint32_t slip_counters[SLIP_COUNTERS]; /* several, so that two floods that alternate both get their TC */
};

/* Where one prefix of a client is counted. */
struct place {
    struct bucket *bucket;
    int32_t *load;
    uint16_t tag;
};

static inline uint64_t fold_multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Finds the buckets of all prefixes of an address and starts to fetch them, so that the misses overlap.
 *
 * The keyed hash of a prefix is one folded multiplication with 128 secret bits, of which half belong to the level and the
 * kind, so that these are hashed independently. The result is never shown to anyone, so it need not be a MAC; a client just
 * must not be able to compute which prefixes share a bucket. */
static inline void locate(const struct rrl *rrl, const struct level levels[], const uint64_t keys[], unsigned count,
                          uint64_t high, uint64_t low, struct place places[])
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t hash = fold_multiply((high & levels[i].mask_high) ^ rrl->key, (low & levels[i].mask_low) ^ keys[i]);
        places[i].bucket = &rrl->buckets[hash & rrl->mask];
        places[i].tag = (uint16_t)(hash >> 48);
        __builtin_prefetch(places[i].bucket, 1);
    }
}

static void drain(struct bucket *bucket, uint64_t mono_ms)
{
    uint64_t elapsed_ms = mono_ms - bucket->drained_ms;
    bucket->drained_ms = mono_ms;
    if (elapsed_ms >= DRAIN_MS) {
        memset(bucket->loads, 0, sizeof bucket->loads);
        return;
    }
    int32_t leak = (int32_t)(elapsed_ms * LOAD_FULL / DRAIN_MS);
    for (unsigned i = 0; i < 2; i++) {
        load_vector loads = bucket->loads_vector[i];
        bucket->loads_vector[i] = (loads - leak) & (loads > leak);
    }
}

/* Which of the four 16-bit lanes in memory order is the first that is not zero. `lanes` is not 0. */
static inline int first_lane(uint64_t lanes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_ctzll(lanes) / 16;
#else
    return __builtin_clzll(lanes) / 16;
#endif
}

/* The slot of `tag`, or -1. */
static inline int find_tag(const struct bucket *bucket, uint16_t tag)
{
    union {
        tag_vector lanes;
        uint64_t halves[2];
    } equal = {.lanes = (tag_vector)(bucket->tags_vector == tag)};
    if (equal.halves[0] != 0) {
        return first_lane(equal.halves[0]);
    }
    return equal.halves[1] != 0 ? 4 + first_lane(equal.halves[1]) : -1;
}

static unsigned least_loaded(const struct bucket *bucket)
{
    unsigned least = 0;
    for (unsigned i = 1; i < SLOTS; i++) {
        if (bucket->loads[i] < bucket->loads[least]) {
            least = i;
        }
    }
    return least;
}

/* Finds the slot of the place, or takes one. Returns whether `price` more stays within the limit. */
static inline bool has_room(struct place *place, int32_t price, uint64_t mono_ms)
{
    struct bucket *bucket = place->bucket;
    if (mono_ms > bucket->drained_ms) {
        drain(bucket, mono_ms);
    }
    int found = find_tag(bucket, place->tag);
    if (found < 0) {
        unsigned slot = least_loaded(bucket);
        bucket->tags[slot] = place->tag;
        bucket->loads[slot] = 0;
        place->load = &bucket->loads[slot];
        return true;
    }
    place->load = &bucket->loads[found];
    return *place->load <= LOAD_FULL - price;
}

/* Charges the answer to all places, or to none when one of them is at its limit. */
static inline bool charge(struct place places[], const int32_t prices[], unsigned count, uint64_t mono_ms)
{
    bool room = true;
    for (unsigned i = 0; i < count; i++) {
        room &= has_room(&places[i], prices[i], mono_ms);
    }
    if (!room) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        /* Two prefixes of one client may meet in one bucket, and the second may have taken the slot of the first: then
         * both prices land on the second. Even four do not overflow the load. */
        *places[i].load += prices[i];
    }
    return true;
}

static enum rrl_verdict limit(struct rrl *rrl, uint16_t tag)
{
    if (rrl->slip == 0) {
        return RRL_DROP;
    }
    uint32_t *counter = &rrl->slip_counters[tag % SLIP_COUNTERS];
    if (++*counter < rrl->slip) {
        return RRL_DROP;
    }
    *counter = 0;
    return RRL_SLIP;
}

/* `address` in host order. */
static enum rrl_verdict count_v4(struct rrl *rrl, uint32_t address, enum rrl_kind kind, uint64_t mono_ms)
{
    struct place places[V4_LEVELS];
    locate(rrl, v4_levels, rrl->v4_keys[kind], V4_LEVELS, address, 0, places);
    return charge(places, rrl->v4_prices[kind], V4_LEVELS, mono_ms) ? RRL_PASS : limit(rrl, places[0].tag);
}

/* The two halves of the address in host order. */
static enum rrl_verdict count_v6(struct rrl *rrl, uint64_t high, uint64_t low, enum rrl_kind kind, uint64_t mono_ms)
{
    struct place places[V6_LEVELS];
    locate(rrl, v6_levels, rrl->v6_keys[kind], V6_LEVELS, high, low, places);
    return charge(places, rrl->v6_prices[kind], V6_LEVELS, mono_ms) ? RRL_PASS : limit(rrl, places[0].tag);
}

enum rrl_verdict rrl_count(struct rrl *rrl, const struct sockaddr *client, enum rrl_kind kind, uint64_t mono_ms)
{
    if (rrl->v4_prices[kind][0] == 0) {
        return RRL_PASS;
    }
    if (client->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)client;
        return count_v4(rrl, ntohl(in->sin_addr.s_addr), kind, mono_ms);
    }
    if (client->sa_family != AF_INET6) {
        return RRL_PASS;
    }
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)client)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(in6)) { /* a dual-stack socket: without this all of IPv4 would be one /64 */
        uint32_t address;
        memcpy(&address, in6->s6_addr + 12, sizeof address);
        return count_v4(rrl, ntohl(address), kind, mono_ms);
    }
    uint64_t halves[2];
    memcpy(halves, in6->s6_addr, sizeof halves);
    return count_v6(rrl, be64toh(halves[0]), be64toh(halves[1]), kind, mono_ms);
}

static int32_t price_of(uint32_t per_s, uint16_t multiple)
{
    if (per_s == 0) {
        return 0;
    }
    uint64_t price = LOAD_FULL / ((uint64_t)per_s * multiple);
    return price == 0 ? 1 : (int32_t)price;
}

static void set_prices(struct rrl *rrl, enum rrl_kind kind, uint32_t per_s)
{
    for (unsigned i = 0; i < V4_LEVELS; i++) {
        rrl->v4_prices[kind][i] = price_of(per_s, v4_levels[i].multiple);
    }
    for (unsigned i = 0; i < V6_LEVELS; i++) {
        rrl->v6_prices[kind][i] = price_of(per_s, v6_levels[i].multiple);
    }
}

static uint64_t buckets_for(size_t entries)
{
    uint64_t buckets = 1;
    while (buckets * SLOTS < entries) {
        buckets *= 2;
    }
    return buckets;
}

static bool make_keys(struct rrl *rrl)
{
    return getrandom(&rrl->key, sizeof rrl->key, 0) == (ssize_t)sizeof rrl->key &&
           getrandom(rrl->v4_keys, sizeof rrl->v4_keys, 0) == (ssize_t)sizeof rrl->v4_keys &&
           getrandom(rrl->v6_keys, sizeof rrl->v6_keys, 0) == (ssize_t)sizeof rrl->v6_keys;
}

int rrl_new(const struct rrl_settings *settings, struct rrl **rrl)
{
    *rrl = NULL;
    if (settings->table_entries == 0 || settings->table_entries > TABLE_ENTRIES_MAX) {
        return TXTD_EINVAL;
    }
    struct rrl *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    if (!make_keys(made)) {
        free(made);
        return TXTD_ESYS;
    }
    uint64_t buckets = buckets_for(settings->table_entries);
    size_t bytes = buckets * sizeof *made->buckets;
    made->buckets = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made->buckets == MAP_FAILED) {
        free(made);
        return TXTD_ENOMEM;
    }
    if (bytes >= HUGE_PAGE_FROM_BYTES) {
        (void)madvise(made->buckets, bytes, MADV_HUGEPAGE); /* saves TLB misses; works without */
    }
    made->mask = buckets - 1;
    made->slip = settings->slip;
    set_prices(made, RRL_POSITIVE, settings->positive_per_s);
    set_prices(made, RRL_OTHER, settings->other_per_s);
    *rrl = made;
    return 0;
}

void rrl_free(struct rrl *rrl)
{
    if (rrl != NULL) {
        munmap(rrl->buckets, (rrl->mask + 1) * sizeof *rrl->buckets);
        free(rrl);
    }
}
