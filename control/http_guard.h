/* http_guard.h: follows the framing of HTTP/1 requests, so that nothing ambiguous reaches the HTTP library.
 *
 * libh2o 2.2 prefers Transfer-Encoding, takes the first of several Content-Lengths and hides both from handlers. So every
 * byte passes here first: a request with both, with two, with a framing that only some would understand, with a folded header
 * line, or larger than the limits, is refused before its last header octet is passed on (RFC 9112 section 6.3 and 11.2).
 * Pure; no allocation; any chunking of the input gives the same verdict.
 */
#ifndef TXTD_CONTROL_HTTP_GUARD_H
#define TXTD_CONTROL_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_GUARD_HEAD_MAX 16384 /* octets of a request line and its headers */
#define HTTP_GUARD_LINE_MAX 64 /* octets of a header line that are looked at: the two headers that matter are shorter */

enum http_guard_verdict {
    HTTP_GUARD_PASS,
    HTTP_GUARD_BAD,            /* 400 */
    HTTP_GUARD_BODY_TOO_LARGE, /* 413 */
    HTTP_GUARD_HEAD_TOO_LARGE, /* 431 */
};

struct http_guard {
    uint8_t state;
    bool has_length, has_encoding, first_line;
    uint8_t line_len;    /* of `line`, up to its room */
    uint32_t line_total; /* octets of the line, all of them */
    uint32_t head_total; /* octets of the head so far */
    uint64_t body_left;  /* of the body or of the chunk */
    uint64_t body_total; /* of a chunked body so far */
    uint64_t body_max;
    uint64_t requests; /* whose head was passed */
    char line[HTTP_GUARD_LINE_MAX];
};

void http_guard_init(struct http_guard *guard, size_t body_max);

/* Looks at the next octets of a connection. After a verdict other than PASS the guard is not to be used again, and nothing of
 * `data` is to be passed on. */
enum http_guard_verdict http_guard_feed(struct http_guard *guard, const uint8_t *data, size_t len);

/* Whether the last octet seen was inside a request: between requests a connection is idle. */
bool http_guard_in_request(const struct http_guard *guard);

#endif
