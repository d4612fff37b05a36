/* What reaches the HTTP library is framed in one way only; whole and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "control/http_guard.h"

#define BODY_MAX 100

struct row {
    const char *input;
    enum http_guard_verdict verdict;
    unsigned requests; /* that ended before the verdict */
};

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct row rows[] = {
    {GET "\r\n", HTTP_GUARD_PASS, 1},
    {"GET / HTTP/1.1\nHost: a\n\n", HTTP_GUARD_PASS, 1},
    {"\r\n" GET "\r\n", HTTP_GUARD_PASS, 1},
    {"\n" GET "\r\n", HTTP_GUARD_PASS, 1},
    {"GET / HTTP/1.0\r\n\r\n", HTTP_GUARD_PASS, 1},
    {"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", HTTP_GUARD_PASS, 1},
    {"GET //%2F/..?a=\"b\xff HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GUARD_PASS, 1},
    {POST "Content-Length: 3\r\n\r\nabc" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "content-LENGTH:3\r\n\r\nabc" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "Content-Length: \t3\r\n\r\nabc\r\n" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "Content-Length: 0\r\n\r\n" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "\r\n" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na", HTTP_GUARD_PASS, 1},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n" GET "\r\n", HTTP_GUARD_PASS, 2},
    {POST "Transfer-Encoding: chunked\r\n\r\n00000001\r\na\r\n0;z\r\n\r\n", HTTP_GUARD_PASS, 1},
    {POST "Content-Length: 100\r\n\r\n", HTTP_GUARD_PASS, 0},
    /* what came whole before passes */
    {GET "\r\n" GET " folded\r\n\r\n", HTTP_GUARD_BAD, 1},
    {GET "\r\n" POST "Content-Length: 1\r\n\r\na@ / HTTP/1.1\r\n", HTTP_GUARD_BAD, 2},
    /* two framings */
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    /* framings that are not one */
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: identity\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked \r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunkedchunkedchunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: 3, 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: 3 \r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: +3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: 0x3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length:\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: 99999999999999999999\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length: 000000000000000000000000000003\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Content-Length : 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "A: b\r\n Content-Length: 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "A: b\rContent-Length: 3\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "no colon\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST ": no name\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "A: \x01\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "A: \x7f\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "A\x80: b\r\n\r\n", HTTP_GUARD_BAD, 0},
    /* chunks */
    {POST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n;x\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n100000000\r\n", HTTP_GUARD_BAD, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n65\r\n", HTTP_GUARD_BODY_TOO_LARGE, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", HTTP_GUARD_BODY_TOO_LARGE, 0},
    {POST "Content-Length: 101\r\n\r\n", HTTP_GUARD_BODY_TOO_LARGE, 0},
    /* no HTTP/1 request */
    {"GET / HTTP/1.1\r\n\r\n", HTTP_GUARD_BAD, 0},
    {GET "host: b\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"GET /\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"GET  / HTTP/1.1\r\n", HTTP_GUARD_BAD, 0},
    {"GET / HTTP/2.0\r\n", HTTP_GUARD_BAD, 0},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"GET / HTTP/1.1 \r\n", HTTP_GUARD_BAD, 0},
    {"GET /\x01 HTTP/1.1\r\n", HTTP_GUARD_BAD, 0},
    {"\r\n\r\n", HTTP_GUARD_BAD, 0},
    {"\rGET", HTTP_GUARD_BAD, 0},
    {"\x16\x03\x01\x02", HTTP_GUARD_BAD, 0},
    {POST "Expect: 200-maybe\r\n\r\n", HTTP_GUARD_EXPECTATION, 0},
};

static void check(size_t row, size_t step)
{
    const uint8_t *input = (const uint8_t *)rows[row].input;
    size_t len = strlen(rows[row].input), last = 0;
    struct http_guard guard;
    http_guard_init(&guard, BODY_MAX);
    enum http_guard_verdict verdict = HTTP_GUARD_PASS;
    for (size_t at = 0; at < len && verdict == HTTP_GUARD_PASS; at += step) {
        size_t some = len - at < step ? len - at : step, whole = SIZE_MAX;
        verdict = http_guard_feed(&guard, input + at, some, &whole);
        assert_true(whole <= some);
        last = whole > 0 ? at + whole : last;
    }
    if (verdict != rows[row].verdict || guard.ended != rows[row].requests) {
        fail_msg("row %zu, step %zu: verdict %d after %d, not %d after %u", row, step, (int)verdict, (int)guard.ended,
                 (int)rows[row].verdict, rows[row].requests);
    }
    assert_true((last > 0) == (guard.ended > 0));
    if (verdict == HTTP_GUARD_PASS) {
        assert_true(http_guard_in_request(&guard) == (last != len));
    }
}

/* Whole, octet by octet, and a few cuts between. */
static void follows_the_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t step = 1; step < 8; step++) {
            check(i, step);
        }
        check(i, strlen(rows[i].input));
    }
}

static void says_how_much_is_whole(void **state)
{
    (void)state;
    static const char input[] = GET "\r\n" POST "Content-Length: 2\r\n\r\nab" GET;
    struct http_guard guard;
    size_t whole;
    http_guard_init(&guard, BODY_MAX);
    assert_int_equal(http_guard_feed(&guard, (const uint8_t *)input, sizeof input - 1, &whole), HTTP_GUARD_PASS);
    assert_int_equal(whole, sizeof input - 1 - strlen(GET));
    assert_int_equal(guard.ended, 2);
    assert_int_equal(http_guard_feed(&guard, (const uint8_t *)"@", 1, &whole), HTTP_GUARD_BAD);
    assert_int_equal(whole, 0);
}

static void bounds_heads(void **state)
{
    (void)state;
    static const char *const pieces[] = {"X-Filler: 01234567890123456789012345678901234567890123456789\r\n", "X: y\r\n",
                                         "X-Long: 0123456789", "0123456789", "/"};
    static const char *const starts[] = {GET, GET, GET, GET "A: ", "GET /"};
    for (unsigned i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct http_guard guard;
        size_t whole, total = strlen(starts[i]);
        http_guard_init(&guard, BODY_MAX);
        enum http_guard_verdict verdict = http_guard_feed(&guard, (const uint8_t *)starts[i], total, &whole);
        while (verdict == HTTP_GUARD_PASS && total < 100000) {
            verdict = http_guard_feed(&guard, (const uint8_t *)pieces[i], strlen(pieces[i]), &whole);
            total += strlen(pieces[i]);
        }
        assert_int_equal(verdict, HTTP_GUARD_HEAD_TOO_LARGE);
        assert_true(total <= HTTP_GUARD_HEAD_MAX + strlen(pieces[i]));
    }
}

static void bounds_chunk_lines_and_trailers(void **state)
{
    (void)state;
    static const char *const starts[] = {POST "Transfer-Encoding: chunked\r\n\r\n1;",
                                         POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: "};
    static const enum http_guard_verdict verdicts[] = {HTTP_GUARD_BAD, HTTP_GUARD_HEAD_TOO_LARGE};
    static const size_t bounds[] = {HTTP_GUARD_EXTENSION_MAX, HTTP_GUARD_HEAD_MAX};
    for (unsigned i = 0; i < 2; i++) {
        struct http_guard guard;
        size_t whole, total = 0;
        http_guard_init(&guard, BODY_MAX);
        enum http_guard_verdict verdict =
            http_guard_feed(&guard, (const uint8_t *)starts[i], strlen(starts[i]), &whole);
        while (verdict == HTTP_GUARD_PASS && total <= bounds[i]) {
            verdict = http_guard_feed(&guard, (const uint8_t *)"x", 1, &whole);
            total++;
        }
        assert_int_equal(verdict, verdicts[i]);
    }
}

static void tells_whether_a_request_has_begun(void **state)
{
    (void)state;
    struct http_guard guard;
    size_t whole;
    http_guard_init(&guard, BODY_MAX);
    assert_false(http_guard_in_request(&guard));
    (void)http_guard_feed(&guard, (const uint8_t *)"\r\n", 2, &whole);
    assert_false(http_guard_in_request(&guard));
    (void)http_guard_feed(&guard, (const uint8_t *)"G", 1, &whole);
    assert_true(http_guard_in_request(&guard));
    (void)http_guard_feed(&guard, (const uint8_t *)"ET / HTTP/1.0\r\n\r\n", 17, &whole);
    assert_false(http_guard_in_request(&guard));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_framing),
        cmocka_unit_test(says_how_much_is_whole),
        cmocka_unit_test(bounds_heads),
        cmocka_unit_test(bounds_chunk_lines_and_trailers),
        cmocka_unit_test(tells_whether_a_request_has_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
