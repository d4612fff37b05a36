/* Any octets as the beginning of a connection: the verdict of the guard does not depend on how they are cut, and what it passes
 * is a sequence of requests that libh2o reads in the same way, each with one framing. Also the guard of HTTP/2's frames and the
 * PROXY protocol's parser.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/http2_guard.h"
#include "control/http_guard.h"
#include "control/proxy_protocol.h"

#define BODY_MAX 1000

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* picohttpparser as libh2o exports it; its header is not installed. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer;
    char hex_count;
    char state;
};
int phr_parse_request(const char *text, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *headers_count,
                      size_t last_len);
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *text, size_t *len);

/* The octets of one request as libh2o reads them: those of `data` up to its end, or 0 when it does not end there. */
static size_t read_as_libh2o_does(const uint8_t *data, size_t size)
{
    struct phr_header headers[HTTP_GUARD_HEADERS_MAX];
    size_t count = HTTP_GUARD_HEADERS_MAX, method_len, path_len, framings = 0, length = 0;
    const char *method, *path;
    bool chunked = false;
    int version;
    int head = phr_parse_request((const char *)data, size, &method, &method_len, &path, &path_len, &version, headers,
                                 &count, 0);
    REQUIRE(head != -1);
    if (head < 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        REQUIRE(headers[i].name != NULL); /* no folded line */
        if (headers[i].name_len == 14 && strncasecmp(headers[i].name, "content-length", 14) == 0) {
            framings++;
            REQUIRE(headers[i].value_len > 0);
            for (size_t j = 0; j < headers[i].value_len; j++) {
                REQUIRE(headers[i].value[j] >= '0' && headers[i].value[j] <= '9');
                length = length * 10 + (size_t)(headers[i].value[j] - '0');
            }
        } else if (headers[i].name_len == 17 && strncasecmp(headers[i].name, "transfer-encoding", 17) == 0) {
            framings++;
            chunked = true;
            REQUIRE(headers[i].value_len == 7 && strncasecmp(headers[i].value, "chunked", 7) == 0);
        }
    }
    REQUIRE(framings <= 1);
    REQUIRE(length <= BODY_MAX);
    size_t at = (size_t)head, left = size - at;
    if (!chunked) {
        return left < length ? 0 : at + length;
    }
    char *body = malloc(left + 1);
    REQUIRE(body != NULL);
    memcpy(body, data + at, left);
    struct phr_chunked_decoder decoder = {.consume_trailer = 1};
    size_t decoded = left;
    ssize_t behind = phr_decode_chunked(&decoder, body, &decoded);
    free(body);
    REQUIRE(behind != -1);
    REQUIRE(decoded <= BODY_MAX || behind < 0);
    return behind < 0 ? 0 : size - (size_t)behind;
}

static void compare(const uint8_t *data, size_t size)
{
    struct http_guard whole, pieces;
    size_t passed, piece, passed_in_pieces = 0;
    http_guard_init(&whole, BODY_MAX);
    http_guard_init(&pieces, BODY_MAX);
    enum http_guard_verdict verdict = http_guard_feed(&whole, data, size, &passed);
    enum http_guard_verdict cut = HTTP_GUARD_PASS;
    for (size_t at = 0; at < size && cut == HTTP_GUARD_PASS; at++) {
        cut = http_guard_feed(&pieces, data + at, 1, &piece);
        passed_in_pieces = piece > 0 ? at + piece : passed_in_pieces;
    }
    REQUIRE(verdict == cut);
    REQUIRE(whole.ended == pieces.ended);
    REQUIRE(passed == passed_in_pieces);
    REQUIRE(http_guard_in_request(&whole) == http_guard_in_request(&pieces));

    size_t at = 0;
    for (uint64_t i = 0; i < whole.ended; i++) {
        size_t len = read_as_libh2o_does(data + at, passed - at);
        REQUIRE(len > 0);
        at += len;
    }
    REQUIRE(at == passed);
    if (verdict == HTTP_GUARD_PASS && at < size) {
        REQUIRE(read_as_libh2o_does(data + at, size - at) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compare(data, size);

    struct http2_guard frames;
    http2_guard_init(&frames);
    bool good = http2_guard_feed(&frames, data, size, 1);
    REQUIRE(!good || frames.resets <= HTTP2_GUARD_RESETS_PER_S);

    uint8_t address[16];
    int used = proxy_protocol_parse(data, size, address);
    REQUIRE(used == TXTD_EINVAL || (used >= 0 && (size_t)used <= size));
    return 0;
}
