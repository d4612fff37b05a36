/* http_guard.h: follows the grammar and the framing of HTTP/1 requests, so that nothing ambiguous reaches the HTTP library.
 *
 * libh2o 2.2 prefers Transfer-Encoding, takes the first of several Content-Lengths and hides both from handlers; what it
 * refuses by itself it refuses in plain text. So every octet passes here first. A request with two framings, with one that
 * only some would understand, or that is no HTTP/1 at all, never reaches the library whole (RFC 9112 sections 2 to 7 and 11.2),
 * and what passes is read by the library in the same way: tests/fuzz compares the two.
 * Pure; no allocation; bounded state; any chunking of the input gives the same verdict.
 */
#ifndef TXTD_CONTROL_HTTP_GUARD_H
#define TXTD_CONTROL_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_GUARD_HEAD_MAX      16384 /* octets of a request line and its headers */
#define HTTP_GUARD_HEADERS_MAX   100   /* lines; libh2o has room for no more */
#define HTTP_GUARD_EXTENSION_MAX 256   /* octets of a chunk's line */

enum http_guard_verdict {
    HTTP_GUARD_PASS,
    HTTP_GUARD_BAD,            /* 400 */
    HTTP_GUARD_BODY_TOO_LARGE, /* 413 */
    HTTP_GUARD_EXPECTATION,    /* 417: an Expect other than 100-continue */
    HTTP_GUARD_HEAD_TOO_LARGE, /* 431 */
};

struct http_guard {
    uint8_t state;
    uint8_t field;     /* the header whose value comes next */
    uint8_t name_len;  /* of `name`, up to its room */
    uint8_t value_len; /* of `value` */
    uint8_t digits;    /* of a chunk's length; octets of the version */
    uint8_t headers;   /* lines so far */
    bool empty_line;   /* one was passed over before the request */
    bool is_http10, has_length, has_encoding, has_host, in_trailer;
    uint32_t head_total; /* octets of the head, the trailer or the chunk's line so far */
    uint64_t body_left;  /* of the body or of the chunk */
    uint64_t body_total; /* of a chunked body so far */
    uint64_t body_max;
    uint64_t ended; /* requests that were passed to their last octet */
    char name[20];  /* lower case; longer than any name that matters */
    char value[20];
};

void http_guard_init(struct http_guard *guard, size_t body_max);

/* Looks at the next octets of a connection. `whole` becomes how many of them belong to requests that have ended: with a
 * verdict other than PASS those alone may be passed on, and the guard is not to be used again. */
enum http_guard_verdict http_guard_feed(struct http_guard *guard, const uint8_t *data, size_t len, size_t *whole);

/* Whether the last octet seen was inside a request: between requests a connection is idle. */
bool http_guard_in_request(const struct http_guard *guard);

#endif
