#include "control/api_credentials.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define SCHEME     "Basic "
#define SCHEME_LEN (sizeof SCHEME - 1)

int api_credentials_decode_basic(struct http_text header, struct api_credentials *credentials)
{
    if (header.len < SCHEME_LEN || strncasecmp(header.data, SCHEME, SCHEME_LEN) != 0) {
        return TXTD_EINVAL;
    }
    const char *base64 = header.data + SCHEME_LEN;
    size_t base64_len = header.len - SCHEME_LEN;
    while (base64_len > 0 && *base64 == ' ') {
        base64++;
        base64_len--;
    }
    if (base64_len == 0 || base64_len % 4 != 0 || base64_len / 4 * 3 > sizeof credentials->basic) {
        return TXTD_EINVAL;
    }
    int decoded = EVP_DecodeBlock((unsigned char *)credentials->basic, (const unsigned char *)base64, (int)base64_len);
    if (decoded < 0) {
        return TXTD_EINVAL;
    }
    /* EVP_DecodeBlock counts the padding as octets. */
    size_t len = (size_t)decoded - (base64[base64_len - 1] == '=') - (base64[base64_len - 2] == '=');
    const char *colon = memchr(credentials->basic, ':', len);
    if (colon == NULL) {
        return TXTD_EINVAL;
    }
    size_t username_len = (size_t)(colon - credentials->basic);
    credentials->username = (struct http_text){credentials->basic, username_len};
    credentials->key = (struct http_text){colon + 1, len - username_len - 1};
    return 0;
}

void api_credentials_read(const struct http_exchange *exchange, struct api_credentials *credentials)
{
    memset(credentials, 0, sizeof *credentials);
    struct http_text username = http_exchange_header(exchange, "x-api-user");
    struct http_text key = http_exchange_header(exchange, "x-api-key");
    if (username.data != NULL || key.data != NULL) {
        credentials->username = username;
        credentials->key = key;
    } else {
        (void)api_credentials_decode_basic(http_exchange_header(exchange, "authorization"), credentials);
    }
    /* Absent ones are empty: nobody's. */
    if (credentials->username.data == NULL) {
        credentials->username = (struct http_text){"", 0};
    }
    if (credentials->key.data == NULL) {
        credentials->key = (struct http_text){"", 0};
    }
}

struct http_text api_credentials_registration_token(const struct http_exchange *exchange,
                                                    const struct service_rules *rules, struct http_text path_token,
                                                    struct api_credentials *credentials)
{
    memset(credentials, 0, sizeof *credentials);
    if (path_token.data != NULL ||
        api_credentials_decode_basic(http_exchange_header(exchange, "authorization"), credentials) != 0) {
        return path_token;
    }
    const struct http_text *key = &credentials->key;
    return service_rules_token_valid(rules, key->data, key->len, NULL) ? *key : credentials->username;
}

void api_credentials_wipe(struct api_credentials *credentials)
{
    explicit_bzero(credentials, sizeof *credentials);
}
