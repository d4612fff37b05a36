#include "control/bcrypt.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "control/credentials.h"

#define SETTING_LEN 7 /* "$2a$10$" */

static bool is_base64(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/';
}

bool bcrypt_is_hash(const void *hash, size_t len, unsigned *cost)
{
    const char *text = hash;
    if (len != BCRYPT_HASH_LEN || text[0] != '$' || text[1] != '2' ||
        (text[2] != 'a' && text[2] != 'b' && text[2] != 'y') || text[3] != '$' || text[6] != '$' || text[4] < '0' ||
        text[4] > '3' || text[5] < '0' || text[5] > '9') {
        return false;
    }
    for (size_t i = SETTING_LEN; i < len; i++) {
        if (!is_base64(text[i])) {
            return false;
        }
    }
    *cost = (unsigned)(text[4] - '0') * 10 + (unsigned)(text[5] - '0');
    return *cost >= BCRYPT_COST_MIN && *cost <= 31;
}

int bcrypt_matches(const void *hash, size_t hash_len, const char *key, size_t key_len)
{
    char setting[BCRYPT_HASH_LEN + 1], phrase[BCRYPT_KEY_MAX + 1];
    unsigned cost;
    if (!bcrypt_is_hash(hash, hash_len, &cost) || cost > BCRYPT_COST_MAX || key_len == 0 || key_len > BCRYPT_KEY_MAX ||
        memchr(key, '\0', key_len) != NULL) {
        return TXTD_EINVAL;
    }
    struct crypt_data *work = calloc(1, sizeof *work); /* 32 KiB: not for a stack */
    if (work == NULL) {
        return TXTD_ENOMEM;
    }
    memcpy(setting, hash, hash_len);
    setting[hash_len] = '\0';
    memcpy(phrase, key, key_len);
    phrase[key_len] = '\0';
    const char *made = crypt_r(phrase, setting, work);
    bool equal = made != NULL && strlen(made) == BCRYPT_HASH_LEN && credentials_equal(made, setting, BCRYPT_HASH_LEN);
    explicit_bzero(phrase, sizeof phrase);
    explicit_bzero(work, sizeof *work);
    free(work);
    return equal ? 0 : TXTD_EFORBIDDEN;
}
