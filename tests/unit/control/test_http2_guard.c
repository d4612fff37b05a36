/* Frames that cost little to send are counted; requests are followed to their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "control/http2_guard.h"

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING = 6, WINDOW_UPDATE = 8, CONTINUATION, UNKNOWN = 99 };

#define END_STREAM 1

static struct http2_guard begin(void)
{
    struct http2_guard guard;
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    http2_guard_init(&guard);
    for (size_t i = 0; i < sizeof preface - 1; i++) {
        assert_true(http2_guard_feed(&guard, (const uint8_t *)preface + i, 1, 0));
    }
    return guard;
}

/* Octet by octet. */
static bool send_frame(struct http2_guard *guard, uint8_t type, uint8_t flags, uint32_t stream, uint8_t len,
                       uint64_t now_ms)
{
    uint8_t frame[9 + 255] = {0,
                              0,
                              len,
                              type,
                              flags,
                              (uint8_t)(stream >> 24),
                              (uint8_t)(stream >> 16),
                              (uint8_t)(stream >> 8),
                              (uint8_t)stream};
    for (unsigned i = 0; i < 9u + len; i++) {
        if (!http2_guard_feed(guard, frame + i, 1, now_ms)) {
            return false;
        }
    }
    return true;
}

/* How many of a frame pass within one second, up to 1000. */
static unsigned passed(uint8_t type, uint8_t flags, uint8_t len)
{
    struct http2_guard guard = begin();
    unsigned count = 0;
    while (count < 1000 && send_frame(&guard, type, flags, 1, len, 5000)) {
        count++;
    }
    return count;
}

static void bounds_what_is_cheap_to_send(void **state)
{
    (void)state;
    assert_int_equal(passed(PING, 0, 8), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(SETTINGS, 0, 0), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(WINDOW_UPDATE, 0, 4), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(PRIORITY, 0, 5), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(CONTINUATION, 0, 0), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(UNKNOWN, 0, 1), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(DATA, 0, 0), HTTP2_GUARD_CHEAP_PER_S);
    assert_int_equal(passed(RST_STREAM, 0, 4), HTTP2_GUARD_RESETS_PER_S);
    assert_int_equal(passed(DATA, 0, 1), 1000); /* a body; bounded elsewhere */
}

static void lets_a_busy_client_through(void **state)
{
    (void)state;
    struct http2_guard guard = begin();
    for (uint32_t i = 0; i < 5000; i++) { /* within one second, each with its window updates */
        assert_true(send_frame(&guard, HEADERS, 0, 2 * i + 1, 30, 7000));
        assert_true(send_frame(&guard, DATA, END_STREAM, 2 * i + 1, 90, 7000));
        assert_true(send_frame(&guard, WINDOW_UPDATE, 0, 0, 4, 7000));
        assert_true(send_frame(&guard, WINDOW_UPDATE, 0, 2 * i + 1, 4, 7000));
    }
    assert_int_equal(guard.ended, 5000);
    for (uint64_t second = 10; second < 30; second++) { /* or pings for long */
        for (unsigned i = 0; i < HTTP2_GUARD_CHEAP_PER_S; i++) {
            assert_true(send_frame(&guard, PING, 0, 0, 8, second * 1000));
        }
    }
}

static void ends_rapid_reset(void **state)
{
    (void)state;
    struct http2_guard guard = begin();
    unsigned resets = 0;
    while (resets < 1000 && send_frame(&guard, HEADERS, END_STREAM, 2 * resets + 1, 30, 7000) &&
           send_frame(&guard, RST_STREAM, 0, 2 * resets + 1, 4, 7000)) {
        resets++;
    }
    assert_int_equal(resets, HTTP2_GUARD_RESETS_PER_S);
}

static void follows_requests_to_their_end(void **state)
{
    (void)state;
    struct http2_guard guard = begin();
    assert_true(send_frame(&guard, HEADERS, 0, 1, 30, 0));
    assert_int_equal(guard.open, 1);
    assert_true(send_frame(&guard, HEADERS, END_STREAM, 3, 30, 0));
    assert_int_equal(guard.open, 1);
    assert_int_equal(guard.ended, 1);
    assert_true(send_frame(&guard, DATA, 0, 1, 10, 0));
    assert_int_equal(guard.open, 1);
    assert_true(send_frame(&guard, HEADERS, END_STREAM, 1, 10, 0)); /* a trailer */
    assert_int_equal(guard.open, 0);
    assert_int_equal(guard.ended, 2);
    assert_true(send_frame(&guard, HEADERS, 0, 5, 30, 0));
    assert_true(send_frame(&guard, RST_STREAM, 0, 5, 4, 0));
    assert_int_equal(guard.open, 0);
    assert_int_equal(guard.ended, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_what_is_cheap_to_send),
        cmocka_unit_test(lets_a_busy_client_through),
        cmocka_unit_test(ends_rapid_reset),
        cmocka_unit_test(follows_requests_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
