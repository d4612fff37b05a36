#include "control/http2_guard.h"

#include <string.h>

#define PREFACE_LEN 24 /* RFC 9113 section 3.4 */

/* RFC 9113 section 6 */
enum frame_type {
    FRAME_PRIORITY = 2,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_WINDOW_UPDATE = 8
};

void http2_guard_init(struct http2_guard *guard)
{
    memset(guard, 0, sizeof *guard);
    guard->preface_left = PREFACE_LEN;
}

static bool admit(struct http2_guard *guard, uint64_t now_ms)
{
    switch ((enum frame_type)guard->head[3]) {
    case FRAME_PRIORITY:
    case FRAME_RST_STREAM:
    case FRAME_SETTINGS:
    case FRAME_PING:
    case FRAME_WINDOW_UPDATE: break;
    default: return true;
    }
    if (guard->second != now_ms / 1000) {
        guard->second = now_ms / 1000;
        guard->cheap = 0;
    }
    return ++guard->cheap <= HTTP2_GUARD_CHEAP_PER_S;
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
