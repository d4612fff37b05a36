#include "control/credentials.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>

/* RFC 4648 section 5. */
static const char base64url[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int random_octets(uint8_t *octets, size_t len)
{
    /* Up to 256 octets come whole, and without EINTR once the pool is initialised: getrandom(2). */
    ssize_t got;
    do {
        got = getrandom(octets, len, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)len ? 0 : TXTD_ESYS;
}

/* RFC 9562 section 5.4: version 4, variant 10. */
static void mark_version_4(struct delegate_id *id)
{
    id->octets[6] = (uint8_t)((id->octets[6] & 0x0f) | 0x40);
    id->octets[8] = (uint8_t)((id->octets[8] & 0x3f) | 0x80);
}

int credentials_make_id(struct delegate_id *id)
{
    int result = random_octets(id->octets, sizeof id->octets);
    if (result != 0) {
        return result;
    }
    mark_version_4(id);
    return 0;
}

int credentials_make_username(const uint8_t secret[STORE_SECRET_LEN], const struct delegate_id *delegate,
                              struct delegate_id *username)
{
    uint8_t code[CREDENTIALS_HASH_LEN];
    unsigned len = sizeof code;
    if (HMAC(EVP_sha256(), secret, STORE_SECRET_LEN, delegate->octets, sizeof delegate->octets, code, &len) == NULL) {
        return TXTD_ENOMEM;
    }
    memcpy(username->octets, code, sizeof username->octets);
    mark_version_4(username);
    return 0;
}

int credentials_make_key(char key[CREDENTIALS_KEY_LEN + 1])
{
    uint8_t octets[CREDENTIALS_KEY_LEN];
    int result = random_octets(octets, sizeof octets);
    if (result != 0) {
        return result;
    }
    /* 64 characters divide 256 evenly, so six bits of each octet are an unbiased choice. */
    for (size_t i = 0; i < sizeof octets; i++) {
        key[i] = base64url[octets[i] & 0x3f];
    }
    key[CREDENTIALS_KEY_LEN] = '\0';
    OPENSSL_cleanse(octets, sizeof octets);
    return 0;
}

int credentials_hash(const void *octets, size_t len, uint8_t hash[CREDENTIALS_HASH_LEN])
{
    return EVP_Digest(octets, len, hash, NULL, EVP_sha256(), NULL) == 1 ? 0 : TXTD_ENOMEM;
}

void credentials_token_id(const uint8_t hash[CREDENTIALS_HASH_LEN], char id[CREDENTIALS_TOKEN_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < CREDENTIALS_TOKEN_ID_LEN; i++) {
        id[i] = digits[hash[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf];
    }
    id[CREDENTIALS_TOKEN_ID_LEN] = '\0';
}

bool credentials_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void credentials_store_key(const uint8_t hash[CREDENTIALS_HASH_LEN], uint32_t key_id, int64_t now_s,
                           struct store_key *key)
{
    memset(key, 0, sizeof *key);
    key->scheme = STORE_KEY_SHA256;
    key->hash_len = CREDENTIALS_HASH_LEN;
    memcpy(key->hash, hash, CREDENTIALS_HASH_LEN);
    key->key_id = key_id;
    key->created_s = now_s;
}

bool credentials_match(const struct store_account *account, const uint8_t hash[CREDENTIALS_HASH_LEN], uint32_t *key_id)
{
    bool matched = false;
    for (unsigned i = 0; i < STORE_KEYS_MAX; i++) {
        /* All slots are compared, used or not, so that the time does not tell how many keys there are. */
        const struct store_key *key = &account->keys[i];
        bool equal = credentials_equal(key->hash, hash, CREDENTIALS_HASH_LEN);
        if (equal && i < account->keys_count && key->scheme == STORE_KEY_SHA256 &&
            key->hash_len == CREDENTIALS_HASH_LEN) {
            matched = true;
            if (key_id != NULL) {
                *key_id = key->key_id;
            }
        }
    }
    return matched;
}
