#include "control/http2_guard.h"

#include <string.h>

#define PREFACE_LEN     24 /* RFC 9113 section 3.4 */
#define FLAG_END_STREAM 1

/* RFC 9113 section 6 */
enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
};

void http2_guard_init(struct http2_guard *guard)
{
    memset(guard, 0, sizeof *guard);
    guard->preface_left = PREFACE_LEN;
}

static void end_request(struct http2_guard *guard)
{
    if (guard->open > 0) {
        guard->open--;
    }
}

/* A frame whose header is whole. Its payload may still be on its way, which for the count of requests makes no difference. */
static bool admit(struct http2_guard *guard, uint64_t now_ms)
{
    const uint8_t type = guard->head[3];
    const bool ends_stream = (guard->head[4] & FLAG_END_STREAM) != 0;
    const uint32_t stream = (uint32_t)(guard->head[5] & 0x7f) << 24 | (uint32_t)guard->head[6] << 16 |
                            (uint32_t)guard->head[7] << 8 | guard->head[8];
    if (guard->second != now_ms / 1000) {
        guard->second = now_ms / 1000;
        guard->resets = guard->cheap = guard->begun_now = 0;
    }
    if (type == FRAME_HEADERS && stream > guard->newest_stream) {
        guard->newest_stream = stream;
        guard->begun_now++;
        guard->open++;
    }
    if ((type == FRAME_HEADERS || type == FRAME_DATA) && ends_stream) {
        guard->ended++;
        end_request(guard);
        return true;
    }
    if (type == FRAME_RST_STREAM) {
        end_request(guard);
        return ++guard->resets <= HTTP2_GUARD_RESETS_PER_S;
    }
    if ((type == FRAME_HEADERS || type == FRAME_DATA) && guard->payload_left > 0) {
        return true; /* a part of a request; libh2o bounds both */
    }
    return ++guard->cheap <= HTTP2_GUARD_CHEAP_PER_S + HTTP2_GUARD_CHEAP_A_REQUEST * guard->begun_now;
}

bool http2_guard_feed(struct http2_guard *guard, const uint8_t *data, size_t len, uint64_t now_ms)
{
    size_t at = len < guard->preface_left ? len : guard->preface_left;
    guard->preface_left = (uint8_t)(guard->preface_left - at);
    while (at < len) {
        size_t left = len - at;
        if (guard->payload_left > 0) {
            size_t some = left < guard->payload_left ? left : guard->payload_left;
            guard->payload_left -= (uint32_t)some;
            at += some;
            continue;
        }
        guard->head[guard->head_len++] = data[at++];
        if (guard->head_len == sizeof guard->head) {
            guard->head_len = 0;
            guard->payload_left = (uint32_t)guard->head[0] << 16 | (uint32_t)guard->head[1] << 8 | guard->head[2];
            if (!admit(guard, now_ms)) {
                return false;
            }
        }
    }
    return true;
}
