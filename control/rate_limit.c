#include "control/rate_limit.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#define WAYS 4 /* places where a key can be: one cache line */

struct cell {
    uint64_t tag;      /* keyed hash of the key */
    uint64_t whole_us; /* when the allowance is whole again; in the past: free */
};

struct rate_limit {
    pthread_mutex_t lock;
    uint64_t seed;
    size_t sets; /* a power of two */
    struct cell *cells;
};

int rate_limit_new(size_t keys, struct rate_limit **limit)
{
    struct rate_limit *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    /* Keys come from outside: without a secret seed a client could make its own collide with others'. */
    if (getrandom(&made->seed, sizeof made->seed, 0) != (ssize_t)sizeof made->seed) {
        free(made);
        return TXTD_ESYS;
    }
    made->sets = 1;
    while (made->sets * WAYS < keys) {
        made->sets *= 2;
    }
    made->cells = calloc(made->sets * WAYS, sizeof *made->cells);
    if (made->cells == NULL) {
        free(made);
        return TXTD_ENOMEM;
    }
    pthread_mutex_init(&made->lock, NULL);
    *limit = made;
    return 0;
}

void rate_limit_free(struct rate_limit *limit)
{
    if (limit != NULL) {
        pthread_mutex_destroy(&limit->lock);
        free(limit->cells);
        free(limit);
    }
}

/* The key's cell, or the one to forget for it. */
static struct cell *find_cell(struct rate_limit *limit, uint64_t tag)
{
    struct cell *set = &limit->cells[(tag & (limit->sets - 1)) * WAYS];
    struct cell *least = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].tag == tag) {
            return &set[i];
        }
        if (set[i].whole_us < least->whole_us) {
            least = &set[i];
        }
    }
    return least;
}

static int ask(struct rate_limit *limit, struct rate rate, const uint8_t key[RATE_LIMIT_KEY_LEN], uint64_t now_us,
               bool counts, unsigned *retry_after_s)
{
    if (rate.amount == 0) {
        return 0;
    }
    uint64_t period_us = (uint64_t)rate.period_s * 1000000;
    uint64_t each_us = period_us / rate.amount;
    uint64_t tag = XXH3_64bits_withSeed(key, RATE_LIMIT_KEY_LEN, limit->seed);

    pthread_mutex_lock(&limit->lock);
    struct cell *cell = find_cell(limit, tag);
    uint64_t whole_us = cell->tag == tag && cell->whole_us > now_us ? cell->whole_us : now_us;
    bool allowed = whole_us + each_us <= now_us + period_us;
    if (allowed && counts) {
        *cell = (struct cell){.tag = tag, .whole_us = whole_us + each_us};
    }
    pthread_mutex_unlock(&limit->lock);

    if (allowed) {
        return 0;
    }
    *retry_after_s = (unsigned)((whole_us + each_us - period_us - now_us + 999999) / 1000000);
    return TXTD_ELIMITED;
}

int rate_limit_take(struct rate_limit *limit, struct rate rate, const uint8_t key[RATE_LIMIT_KEY_LEN], uint64_t now_us,
                    unsigned *retry_after_s)
{
    return ask(limit, rate, key, now_us, true, retry_after_s);
}

int rate_limit_look(struct rate_limit *limit, struct rate rate, const uint8_t key[RATE_LIMIT_KEY_LEN], uint64_t now_us,
                    unsigned *retry_after_s)
{
    return ask(limit, rate, key, now_us, false, retry_after_s);
}

static bool is_ipv4(const uint8_t address[16])
{
    static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(address, mapped_prefix, sizeof mapped_prefix) == 0;
}

void rate_limit_client_key(const uint8_t address[16], uint8_t key[RATE_LIMIT_KEY_LEN])
{
    size_t len = is_ipv4(address) ? 16 : 8;
    memset(key, 0, RATE_LIMIT_KEY_LEN);
    memcpy(key, address, len);
}

/* The multiples are those of the DNS rate limiter (rrl.c). */
unsigned rate_limit_networks(const uint8_t address[16], struct rate_limit_network networks[RATE_LIMIT_NETWORKS_MAX])
{
    static const struct {
        uint8_t octets;
        unsigned multiple;
    } ipv4[] = {{15, 32}}, ipv6[] = {{7, 4}, {6, 8}};
    bool mapped = is_ipv4(address);
    unsigned count = mapped ? sizeof ipv4 / sizeof ipv4[0] : sizeof ipv6 / sizeof ipv6[0];
    for (unsigned i = 0; i < count; i++) {
        uint8_t octets = mapped ? ipv4[i].octets : ipv6[i].octets;
        memset(networks[i].key, 0, RATE_LIMIT_KEY_LEN);
        memcpy(networks[i].key, address, octets);
        networks[i].key[RATE_LIMIT_KEY_LEN - 1] = octets; /* a /56 that ends with 0 is not its /48 */
        networks[i].multiple = mapped ? ipv4[i].multiple : ipv6[i].multiple;
    }
    return count;
}

unsigned rate_limit_multiple(unsigned amount, unsigned multiple)
{
    return amount > UINT_MAX / multiple ? UINT_MAX : amount * multiple;
}
