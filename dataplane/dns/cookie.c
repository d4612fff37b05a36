#include "dataplane/dns/cookie.h"

#include <string.h>

#define COOKIE_VERSION      1
#define COOKIE_AGE_MAX_S    3600
#define COOKIE_AGE_RENEW_S  1800
#define COOKIE_FUTURE_MAX_S 300
#define HASHED_MAX          (COOKIE_CLIENT_LEN + 8 + 16)

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t load_le64(const uint8_t *octets)
{
    uint64_t value = 0;
    for (unsigned i = 8; i > 0; i--) {
        value = value << 8 | octets[i - 1];
    }
    return value;
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

uint64_t siphash_2_4(const uint8_t key[COOKIE_SECRET_LEN], const uint8_t *data, size_t len)
{
    uint64_t k0 = load_le64(key);
    uint64_t k1 = load_le64(key + 8);
    struct sip s = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t at = 0;
    for (; len - at >= 8; at += 8) {
        sip_word(&s, load_le64(data + at));
    }
    uint8_t last[8] = {0};
    memcpy(last, data + at, len - at);
    last[7] = (uint8_t)len;
    sip_word(&s, load_le64(last));
    s.v2 ^= 0xff;
    for (unsigned i = 0; i < 4; i++) {
        sip_round(&s);
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* RFC 9018 section 4.4: hash of client cookie | version | reserved | timestamp | client address. `head` is the first 16
 * octets of the cookie. The RFC gives the hash as octets in the order SipHash writes them, little endian. */
static void cookie_hash(const uint8_t head[16], const uint8_t *address, size_t address_len,
                        const uint8_t secret[COOKIE_SECRET_LEN], uint8_t hash[8])
{
    uint8_t hashed[HASHED_MAX];
    memcpy(hashed, head, 16);
    memcpy(hashed + 16, address, address_len);
    uint64_t value = siphash_2_4(secret, hashed, 16 + address_len);
    for (unsigned i = 0; i < 8; i++) {
        hash[i] = (uint8_t)(value >> (8 * i));
    }
}

void cookie_make(const uint8_t client_cookie[COOKIE_CLIENT_LEN], const uint8_t *address, size_t address_len,
                 uint32_t now_s, const uint8_t secret[COOKIE_SECRET_LEN], uint8_t cookie[COOKIE_LEN])
{
    memmove(cookie, client_cookie, COOKIE_CLIENT_LEN);
    const uint8_t fields[8] = {
        COOKIE_VERSION, 0, 0, 0, (uint8_t)(now_s >> 24), (uint8_t)(now_s >> 16), (uint8_t)(now_s >> 8), (uint8_t)now_s};
    memcpy(cookie + COOKIE_CLIENT_LEN, fields, sizeof fields);
    cookie_hash(cookie, address, address_len, secret, cookie + 16);
}

enum cookie_verdict cookie_check(const uint8_t *cookie, size_t len, const uint8_t *address, size_t address_len,
                                 uint32_t now_s, const uint8_t secret[COOKIE_SECRET_LEN])
{
    if (len != COOKIE_LEN || cookie[COOKIE_CLIENT_LEN] != COOKIE_VERSION) {
        return COOKIE_INVALID;
    }
    uint32_t made_s = (uint32_t)cookie[12] << 24 | (uint32_t)cookie[13] << 16 | (uint32_t)cookie[14] << 8 | cookie[15];
    int32_t age_s = (int32_t)(now_s - made_s); /* serial number arithmetic, RFC 1982 */
    if (age_s > COOKIE_AGE_MAX_S || age_s < -COOKIE_FUTURE_MAX_S) {
        return COOKIE_INVALID;
    }
    uint8_t hash[8];
    cookie_hash(cookie, address, address_len, secret, hash);
    uint8_t difference = 0;
    for (unsigned i = 0; i < sizeof hash; i++) {
        difference |= (uint8_t)(hash[i] ^ cookie[16 + i]);
    }
    if (difference != 0) {
        return COOKIE_INVALID;
    }
    return age_s > COOKIE_AGE_RENEW_S ? COOKIE_VALID_RENEW : COOKIE_VALID;
}
