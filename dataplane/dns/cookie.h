/* cookie.h: DNS cookies (RFC 7873) in the interoperable form (RFC 9018). Pure functions; any thread. */
#ifndef TXTD_DATAPLANE_DNS_COOKIE_H
#define TXTD_DATAPLANE_DNS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_CLIENT_LEN 8
#define COOKIE_SERVER_LEN 16
#define COOKIE_LEN        (COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN)
#define COOKIE_SECRET_LEN 16

/* SipHash-2-4 of `len` octets with a 16-octet key, as RFC 9018 section 4.4 uses it. */
uint64_t siphash_2_4(const uint8_t key[COOKIE_SECRET_LEN], const uint8_t *data, size_t len);

/* Writes the 24 octets client cookie + server cookie for a client address of 4 or 16 octets. `now_s` is the wall clock. */
void cookie_make(const uint8_t client_cookie[COOKIE_CLIENT_LEN], const uint8_t *address, size_t address_len,
                 uint32_t now_s, const uint8_t secret[COOKIE_SECRET_LEN], uint8_t cookie[COOKIE_LEN]);

enum cookie_verdict {
    COOKIE_INVALID,
    COOKIE_VALID,       /* and young enough to be sent back as it is */
    COOKIE_VALID_RENEW, /* valid, but a new one should be sent (RFC 9018 section 4.3) */
};

/* Checks the 24 octets that a client sent. Timestamps more than 1 h in the past or 5 min in the future are invalid, and those
 * older than 30 min are to be renewed (RFC 9018 section 4.3). */
enum cookie_verdict cookie_check(const uint8_t *cookie, size_t len, const uint8_t *address, size_t address_len,
                                 uint32_t now_s, const uint8_t secret[COOKIE_SECRET_LEN]);

#endif
