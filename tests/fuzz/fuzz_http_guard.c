/* Any octets as the beginning of a connection: the verdict of the guard does not depend on how they are cut, and what it passes
 * never has two framings. Also the PROXY protocol's parser, which sees them first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http2_guard.h"
#include "control/http_guard.h"
#include "control/proxy_protocol.h"

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_guard whole, pieces;
    http_guard_init(&whole, 1000);
    http_guard_init(&pieces, 1000);
    enum http_guard_verdict verdict = http_guard_feed(&whole, data, size);
    enum http_guard_verdict cut = HTTP_GUARD_PASS;
    for (size_t at = 0; at < size && cut == HTTP_GUARD_PASS; at++) {
        cut = http_guard_feed(&pieces, data + at, 1);
    }
    REQUIRE(verdict == cut);
    if (verdict == HTTP_GUARD_PASS) {
        REQUIRE(whole.requests == pieces.requests);
        REQUIRE(http_guard_in_request(&whole) == http_guard_in_request(&pieces));
        REQUIRE(!(whole.has_length && whole.has_encoding));
    }

    struct http2_guard frames;
    http2_guard_init(&frames);
    bool passed = http2_guard_feed(&frames, data, size, 1);
    REQUIRE(!passed || frames.cheap <= HTTP2_GUARD_CHEAP_PER_S);

    uint8_t address[16];
    int used = proxy_protocol_parse(data, size, address);
    REQUIRE(used == TXTD_EINVAL || (used >= 0 && (size_t)used <= size));
    return 0;
}
