/* What reaches the HTTP library is framed in one way only; whole and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "control/http_guard.h"

#define BODY_MAX 100

struct row {
    const char *input;
    enum http_guard_verdict verdict;
    unsigned requests; /* passed, when the verdict is PASS */
};

static const struct row rows[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GUARD_PASS, 1},
    {"GET / HTTP/1.1\nHost: a\n\n", HTTP_GUARD_PASS, 1},
    {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", HTTP_GUARD_PASS, 1},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n", HTTP_GUARD_PASS, 2},
    {"POST / HTTP/1.1\r\ncontent-LENGTH:3 \r\n\r\nabcGET / HTTP/1.1\r\n\r\n", HTTP_GUARD_PASS, 2},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
     HTTP_GUARD_PASS, 2},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n",
     HTTP_GUARD_PASS, 2},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nA: b\r\n Content-Length: 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nno colon\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n100000000\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", HTTP_GUARD_BODY_TOO_LARGE, 0},
    {"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", HTTP_GUARD_BODY_TOO_LARGE, 0},
};

static void follows_the_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t *input = (const uint8_t *)rows[i].input;
        size_t len = strlen(rows[i].input);
        for (size_t step = 1; step <= len; step += step < 8 ? 1 : len - step + (step == len)) {
            struct http_guard guard;
            http_guard_init(&guard, BODY_MAX);
            enum http_guard_verdict verdict = HTTP_GUARD_PASS;
            for (size_t at = 0; at < len && verdict == HTTP_GUARD_PASS; at += step) {
                verdict = http_guard_feed(&guard, input + at, len - at < step ? len - at : step);
            }
            if (verdict != rows[i].verdict) {
                fail_msg("row %zu, step %zu: verdict %d, not %d", i, step, (int)verdict, (int)rows[i].verdict);
            }
            if (verdict == HTTP_GUARD_PASS) {
                assert_int_equal(guard.requests, rows[i].requests);
                assert_false(http_guard_in_request(&guard));
            }
        }
    }
}

static void bounds_heads(void **state)
{
    (void)state;
    struct http_guard guard;
    http_guard_init(&guard, BODY_MAX);
    static const uint8_t line[] =
        "X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    enum http_guard_verdict verdict = http_guard_feed(&guard, (const uint8_t *)"GET / HTTP/1.1\r\n", 16);
    unsigned lines = 0;
    while (verdict == HTTP_GUARD_PASS && lines < 1000) {
        verdict = http_guard_feed(&guard, line, sizeof line - 1);
        lines++;
    }
    assert_int_equal(verdict, HTTP_GUARD_HEAD_TOO_LARGE);
    assert_true(lines <= HTTP_GUARD_HEAD_MAX / (sizeof line - 1) + 1);
}

static void tells_whether_a_request_has_begun(void **state)
{
    (void)state;
    struct http_guard guard;
    http_guard_init(&guard, BODY_MAX);
    assert_false(http_guard_in_request(&guard));
    (void)http_guard_feed(&guard, (const uint8_t *)"G", 1);
    assert_true(http_guard_in_request(&guard));
    (void)http_guard_feed(&guard, (const uint8_t *)"ET / HTTP/1.1\r\n\r\n", 17);
    assert_false(http_guard_in_request(&guard));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_framing),
        cmocka_unit_test(bounds_heads),
        cmocka_unit_test(tells_whether_a_request_has_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
