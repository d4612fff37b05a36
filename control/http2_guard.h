/* http2_guard.h: counts the HTTP/2 frames that cost a server much and a client little, and the requests that have begun.
 *
 * The libh2o of Debian 12 predates the fix for rapid reset (CVE-2023-44487). So the TLS layer looks at the headers of the frames
 * a client sends and ends a connection with too many of RST_STREAM, WINDOW_UPDATE, PING, SETTINGS and PRIORITY, or of any kind
 * without a payload, for the requests it makes. Pure; bounded state; any chunking gives the same verdict.
 */
#ifndef TXTD_CONTROL_HTTP2_GUARD_H
#define TXTD_CONTROL_HTTP2_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP2_GUARD_RESETS_PER_S    50  /* RST_STREAM: it can undo a request that costs work already */
#define HTTP2_GUARD_CHEAP_PER_S     200 /* the others, beside what requests bring along */
#define HTTP2_GUARD_CHEAP_A_REQUEST 4   /* WINDOW_UPDATE for each DATA, of the stream and of the connection */

struct http2_guard {
    uint8_t preface_left;
    uint8_t head[9];
    uint8_t head_len;
    uint32_t payload_left;
    uint32_t newest_stream;
    uint64_t second;
    unsigned resets, cheap, begun_now; /* in this second */
    unsigned open;                     /* requests whose end has not come */
    uint64_t ended;                    /* requests whose last frame has come */
};

void http2_guard_init(struct http2_guard *guard);

/* Looks at the next octets; false: the connection is to be closed and nothing of `data` passed on. */
bool http2_guard_feed(struct http2_guard *guard, const uint8_t *data, size_t len, uint64_t now_ms);

#endif
