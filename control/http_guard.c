#include "control/http_guard.h"

#include <string.h>

enum guard_state {
    REQUEST_START,
    REQUEST_START_LF, /* of an empty line before the request */
    METHOD,
    TARGET_START,
    TARGET,
    VERSION,
    REQUEST_LINE_END,
    LINE_LF, /* of the request line or of a header */
    LINE_START,
    NAME,
    VALUE_START,
    VALUE,
    HEAD_LF, /* of the empty line that ends a head or a trailer */
    BODY,    /* body_left octets */
    CHUNK_LEN,
    CHUNK_EXTENSION,
    CHUNK_LEN_LF,
    CHUNK, /* body_left octets */
    CHUNK_END_CR,
    CHUNK_END_LF,
};

enum guard_field {
    FIELD_OTHER,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_HOST,
    FIELD_EXPECT,
};

static void start_request(struct http_guard *guard)
{
    const uint64_t body_max = guard->body_max, ended = guard->ended;
    memset(guard, 0, offsetof(struct http_guard, name));
    guard->body_max = body_max;
    guard->ended = ended;
    guard->state = REQUEST_START;
}

void http_guard_init(struct http_guard *guard, size_t body_max)
{
    memset(guard, 0, sizeof *guard);
    guard->body_max = body_max;
}

bool http_guard_in_request(const struct http_guard *guard)
{
    return guard->state != REQUEST_START && guard->state != REQUEST_START_LF;
}

/* --- Octets --- */

#define TCHAR 1 /* of a token, RFC 9110 section 5.6.2 */
#define FCHAR 2 /* of a field value, section 5.5: no control octet but the tab */
#define VCHAR 4 /* of a request target: neither control octet nor space. Octets above 127 are not ours to judge. */

#define PLAIN (FCHAR | VCHAR)
#define TOKEN (TCHAR | FCHAR | VCHAR)

static const uint8_t kinds[256] = {
    ['\t'] = FCHAR,        [' '] = FCHAR,         ['!'] = TOKEN,         ['"'] = PLAIN,         ['#' ... '\''] = TOKEN,
    ['(' ... ')'] = PLAIN, ['*' ... '+'] = TOKEN, [','] = PLAIN,         ['-' ... '.'] = TOKEN, ['/'] = PLAIN,
    ['0' ... '9'] = TOKEN, [':' ... '@'] = PLAIN, ['A' ... 'Z'] = TOKEN, ['[' ... ']'] = PLAIN, ['^' ... 'z'] = TOKEN,
    ['{'] = PLAIN,         ['|'] = TOKEN,         ['}'] = PLAIN,         ['~'] = TOKEN,         [0x80 ... 0xff] = PLAIN,
};

static bool is(uint8_t octet, uint8_t kind)
{
    return (kinds[octet] & kind) != 0;
}

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

static enum http_guard_verdict go_on(struct http_guard *guard, enum guard_state state)
{
    guard->state = (uint8_t)state;
    return HTTP_GUARD_PASS;
}

static enum http_guard_verdict go_on_if(struct http_guard *guard, bool good, enum guard_state state)
{
    return good ? go_on(guard, state) : HTTP_GUARD_BAD;
}

/* --- The request line --- */

static enum http_guard_verdict request_start_octet(struct http_guard *guard, uint8_t octet)
{
    /* One empty line before a request is passed over (RFC 9112 section 2.2); libh2o passes over no more. */
    if (octet == '\r' || octet == '\n') {
        bool first = !guard->empty_line;
        guard->empty_line = true;
        guard->head_total = 0;
        return go_on_if(guard, first, octet == '\r' ? REQUEST_START_LF : REQUEST_START);
    }
    return go_on_if(guard, is(octet, TCHAR), METHOD);
}

static enum http_guard_verdict version_octet(struct http_guard *guard, uint8_t octet)
{
    static const char version[] = "HTTP/1.";
    if (guard->digits < sizeof version - 1) {
        return go_on_if(guard, octet == (uint8_t)version[guard->digits++], VERSION);
    }
    guard->is_http10 = octet == '0';
    return go_on_if(guard, octet >= '0' && octet <= '9', REQUEST_LINE_END);
}

/* --- Headers --- */

static enum http_guard_verdict line_start_octet(struct http_guard *guard, uint8_t octet)
{
    if (guard->headers++ == HTTP_GUARD_HEADERS_MAX) {
        return HTTP_GUARD_HEAD_TOO_LARGE;
    }
    guard->name[0] = (char)lower(octet);
    guard->name_len = 1;
    /* Anything else, or a line folded into the one before (section 5.2), is no name. */
    return go_on_if(guard, is(octet, TCHAR), NAME);
}

static enum guard_field field_of(const struct http_guard *guard)
{
    static const struct {
        uint8_t len, field;
        const char *name;
    } fields[] = {
        {4, FIELD_HOST, "host"},
        {6, FIELD_EXPECT, "expect"},
        {14, FIELD_CONTENT_LENGTH, "content-length"},
        {17, FIELD_TRANSFER_ENCODING, "transfer-encoding"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (guard->name_len == fields[i].len && memcmp(guard->name, fields[i].name, fields[i].len) == 0) {
            return (enum guard_field)fields[i].field;
        }
    }
    return FIELD_OTHER;
}

static enum http_guard_verdict name_octet(struct http_guard *guard, uint8_t octet)
{
    if (octet == ':') {
        guard->field = (uint8_t)field_of(guard);
        guard->value_len = 0;
        return go_on(guard, VALUE_START);
    }
    if (guard->name_len < sizeof guard->name) {
        guard->name[guard->name_len++] = (char)lower(octet);
    }
    return go_on_if(guard, is(octet, TCHAR), NAME); /* no space before the colon, section 5.1 */
}

/* RFC 9110 section 8.6: digits alone. libh2o wants no white space behind them, nor do we. */
static bool parse_length(const char *digits, size_t len, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        *value = *value * 10 + (uint64_t)(digits[i] - '0');
    }
    return len > 0 && len <= 18;
}

static bool value_is(const struct http_guard *guard, const char *text)
{
    return guard->value_len == strlen(text) && memcmp(guard->value, text, guard->value_len) == 0;
}

/* One framing a request: a second header that gives one, the same or the other, is refused; so is any in a trailer. */
static enum http_guard_verdict end_of_field(struct http_guard *guard)
{
    bool is_framed = guard->has_length || guard->has_encoding || guard->in_trailer;
    guard->state = LINE_START;
    switch ((enum guard_field)guard->field) {
    case FIELD_CONTENT_LENGTH:
        guard->has_length = true;
        return go_on_if(guard, !is_framed && parse_length(guard->value, guard->value_len, &guard->body_left),
                        LINE_START);
    case FIELD_TRANSFER_ENCODING: /* section 6.1: none in HTTP/1.0 */
        guard->has_encoding = true;
        return go_on_if(guard, !is_framed && !guard->is_http10 && value_is(guard, "chunked"), LINE_START);
    case FIELD_HOST: { /* section 3.2: one */
        bool first = !guard->has_host && !guard->in_trailer;
        guard->has_host = true;
        return go_on_if(guard, first, LINE_START);
    }
    case FIELD_EXPECT:
        return guard->in_trailer                 ? HTTP_GUARD_BAD
               : value_is(guard, "100-continue") ? HTTP_GUARD_PASS
                                                 : HTTP_GUARD_EXPECTATION;
    case FIELD_OTHER: break;
    }
    return HTTP_GUARD_PASS;
}

static enum http_guard_verdict value_octet(struct http_guard *guard, uint8_t octet)
{
    if (octet == '\r') {
        return go_on(guard, LINE_LF);
    }
    if (octet == '\n') {
        return end_of_field(guard);
    }
    if (guard->state == VALUE_START && (octet == ' ' || octet == '\t')) {
        return HTTP_GUARD_PASS;
    }
    if (guard->field != FIELD_OTHER && guard->field != FIELD_HOST) {
        if (guard->value_len == sizeof guard->value) {
            return guard->field == FIELD_EXPECT ? HTTP_GUARD_EXPECTATION : HTTP_GUARD_BAD;
        }
        guard->value[guard->value_len++] = (char)lower(octet);
    }
    return go_on_if(guard, is(octet, FCHAR), VALUE);
}

static enum http_guard_verdict end_of_line(struct http_guard *guard)
{
    if (guard->headers > 0) {
        return end_of_field(guard);
    }
    return go_on(guard, LINE_START); /* it was the request line */
}

static void end_of_request(struct http_guard *guard)
{
    guard->ended++;
    start_request(guard);
}

static enum http_guard_verdict start_chunk(struct http_guard *guard)
{
    guard->digits = 0;
    guard->body_left = 0;
    guard->head_total = 0;
    return go_on(guard, CHUNK_LEN);
}

static enum http_guard_verdict end_of_head(struct http_guard *guard)
{
    if (guard->in_trailer) {
        end_of_request(guard);
        return HTTP_GUARD_PASS;
    }
    if (!guard->has_host && !guard->is_http10) {
        return HTTP_GUARD_BAD;
    }
    if (guard->body_left > guard->body_max) {
        return HTTP_GUARD_BODY_TOO_LARGE;
    }
    if (guard->has_encoding) {
        return start_chunk(guard);
    }
    if (guard->body_left == 0) {
        end_of_request(guard);
        return HTTP_GUARD_PASS;
    }
    return go_on(guard, BODY);
}

/* --- Chunks, section 7.1. Line ends are strict: what ends a chunk's line is read in several ways. --- */

static enum http_guard_verdict chunk_len_octet(struct http_guard *guard, uint8_t octet)
{
    uint8_t digit = lower(octet);
    if ((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f')) {
        guard->body_left = guard->body_left << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
        return go_on_if(guard, ++guard->digits <= 8, CHUNK_LEN);
    }
    return go_on_if(guard, guard->digits > 0 && (octet == '\r' || octet == ';'),
                    octet == '\r' ? CHUNK_LEN_LF : CHUNK_EXTENSION);
}

static enum http_guard_verdict chunk_extension_octet(struct http_guard *guard, uint8_t octet)
{
    if (octet == '\r') {
        return go_on(guard, CHUNK_LEN_LF);
    }
    return go_on_if(guard, is(octet, FCHAR) && guard->head_total <= HTTP_GUARD_EXTENSION_MAX, CHUNK_EXTENSION);
}

static enum http_guard_verdict end_of_chunk_len(struct http_guard *guard, uint8_t octet)
{
    if (octet != '\n') {
        return HTTP_GUARD_BAD;
    }
    guard->body_total += guard->body_left;
    if (guard->body_total > guard->body_max) {
        return HTTP_GUARD_BODY_TOO_LARGE;
    }
    if (guard->body_left > 0) {
        return go_on(guard, CHUNK);
    }
    guard->in_trailer = true;
    guard->headers = 0;
    guard->head_total = 0;
    return go_on(guard, LINE_START);
}

/* --- All together --- */

static enum http_guard_verdict take_octet(struct http_guard *guard, uint8_t octet)
{
    if (++guard->head_total > HTTP_GUARD_HEAD_MAX) {
        return HTTP_GUARD_HEAD_TOO_LARGE;
    }
    switch ((enum guard_state)guard->state) {
    case REQUEST_START: return request_start_octet(guard, octet);
    case REQUEST_START_LF: return go_on_if(guard, octet == '\n', REQUEST_START);
    case METHOD: return octet == ' ' ? go_on(guard, TARGET_START) : go_on_if(guard, is(octet, TCHAR), METHOD);
    case TARGET_START: return go_on_if(guard, is(octet, VCHAR), TARGET);
    case TARGET: return octet == ' ' ? go_on(guard, VERSION) : go_on_if(guard, is(octet, VCHAR), TARGET);
    case VERSION: return version_octet(guard, octet);
    case REQUEST_LINE_END: return go_on_if(guard, octet == '\r' || octet == '\n', octet == '\r' ? LINE_LF : LINE_START);
    case LINE_LF: return octet == '\n' ? end_of_line(guard) : HTTP_GUARD_BAD;
    case LINE_START:
        return octet == '\r'   ? go_on(guard, HEAD_LF)
               : octet == '\n' ? end_of_head(guard)
                               : line_start_octet(guard, octet);
    case NAME: return name_octet(guard, octet);
    case VALUE_START:
    case VALUE: return value_octet(guard, octet);
    case HEAD_LF: return octet == '\n' ? end_of_head(guard) : HTTP_GUARD_BAD;
    case CHUNK_LEN: return chunk_len_octet(guard, octet);
    case CHUNK_EXTENSION: return chunk_extension_octet(guard, octet);
    case CHUNK_LEN_LF: return end_of_chunk_len(guard, octet);
    case CHUNK_END_CR: return go_on_if(guard, octet == '\r', CHUNK_END_LF);
    case CHUNK_END_LF: return octet == '\n' ? start_chunk(guard) : HTTP_GUARD_BAD;
    case BODY:
    case CHUNK: break; /* skipped over by the caller */
    }
    return HTTP_GUARD_BAD;
}

/* Octets of a body, or of a value that does not matter, which need no look one by one. Returns how many. */
static size_t skip(struct http_guard *guard, const uint8_t *data, size_t len)
{
    if (guard->state == BODY || guard->state == CHUNK) {
        size_t some = len < guard->body_left ? len : (size_t)guard->body_left;
        guard->body_left -= some;
        if (guard->body_left == 0 && guard->state == BODY) {
            end_of_request(guard);
        } else if (guard->body_left == 0) {
            guard->head_total = 0;
            guard->state = CHUNK_END_CR;
        }
        return some;
    }
    size_t some = 0;
    if (guard->state == TARGET || (guard->state == VALUE && guard->field == FIELD_OTHER)) {
        const uint8_t kind = guard->state == TARGET ? VCHAR : FCHAR;
        const size_t room = HTTP_GUARD_HEAD_MAX - guard->head_total;
        while (some < len && some < room && is(data[some], kind)) {
            some++;
        }
        guard->head_total += (uint32_t)some;
    }
    return some;
}

enum http_guard_verdict http_guard_feed(struct http_guard *guard, const uint8_t *data, size_t len, size_t *whole)
{
    *whole = 0;
    for (size_t at = 0; at < len;) {
        uint64_t ended = guard->ended;
        size_t skipped = skip(guard, data + at, len - at);
        at += skipped;
        if (skipped == 0) {
            enum http_guard_verdict verdict = take_octet(guard, data[at++]);
            if (verdict != HTTP_GUARD_PASS) {
                return verdict;
            }
        }
        if (guard->ended != ended) {
            *whole = at;
        }
    }
    return HTTP_GUARD_PASS;
}
