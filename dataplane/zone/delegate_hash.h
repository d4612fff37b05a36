/* delegate_hash.h: the keyed hash over (zone, UUID) that places a delegate in the table.
 *
 * SipHash-1-3 with a random key made at start-up: labels come from outside, so nobody may be able to choose names that
 * all meet in one bucket. The 18 octets are hashed as three words, the last with the length in its top octet, exactly as
 * the reference does with id || zone (little endian).
 */
#ifndef TXTD_DATAPLANE_ZONE_DELEGATE_HASH_H
#define TXTD_DATAPLANE_ZONE_DELEGATE_HASH_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/zone/delegate.h"

struct delegate_hash_key {
    uint64_t words[2];
};

static inline uint64_t delegate_hash_rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void delegate_hash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = delegate_hash_rotate(v[1], 13) ^ v[0];
    v[0] = delegate_hash_rotate(v[0], 32);
    v[2] += v[3];
    v[3] = delegate_hash_rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = delegate_hash_rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = delegate_hash_rotate(v[1], 17) ^ v[2];
    v[2] = delegate_hash_rotate(v[2], 32);
}

/* Pure; any thread. */
static inline uint64_t delegate_hash(const struct delegate_hash_key *key, uint16_t zone, const struct delegate_id *id)
{
    uint64_t words[3];
    memcpy(words, id->octets, sizeof id->octets);
    words[0] = le64toh(words[0]);
    words[1] = le64toh(words[1]);
    words[2] = (uint64_t)(sizeof id->octets + sizeof zone) << 56 | zone;

    uint64_t v[4] = {key->words[0] ^ UINT64_C(0x736f6d6570736575), key->words[1] ^ UINT64_C(0x646f72616e646f6d),
                     key->words[0] ^ UINT64_C(0x6c7967656e657261), key->words[1] ^ UINT64_C(0x7465646279746573)};
    for (unsigned i = 0; i < 3; i++) {
        v[3] ^= words[i];
        delegate_hash_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    delegate_hash_round(v);
    delegate_hash_round(v);
    delegate_hash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
