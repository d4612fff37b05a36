#include "control/http_guard.h"

#include <string.h>
#include <strings.h>

enum guard_state {
    IN_HEAD,      /* request line and headers */
    IN_BODY,      /* body_left octets of a body with Content-Length */
    IN_CHUNK_LEN, /* the line before a chunk */
    IN_CHUNK,     /* body_left octets of a chunk */
    IN_CHUNK_END, /* the line end behind a chunk */
    IN_TRAILER,   /* lines behind the last chunk */
};

static void start_line(struct http_guard *guard)
{
    guard->line_len = 0;
    guard->line_total = 0;
}

static void start_request(struct http_guard *guard)
{
    guard->state = IN_HEAD;
    guard->has_length = guard->has_encoding = false;
    guard->first_line = true;
    guard->head_total = 0;
    guard->body_left = guard->body_total = 0;
    start_line(guard);
}

void http_guard_init(struct http_guard *guard, size_t body_max)
{
    memset(guard, 0, sizeof *guard);
    guard->body_max = body_max;
    start_request(guard);
}

bool http_guard_in_request(const struct http_guard *guard)
{
    return guard->state != IN_HEAD || guard->head_total > 0;
}

/* --- Header lines --- */

/* The value of a header line when its name is `name`, without white space around it; NULL otherwise. */
static const char *value_of(const struct http_guard *guard, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    size_t end = guard->line_len;
    if (end <= name_len || guard->line[name_len] != ':' || strncasecmp(guard->line, name, name_len) != 0) {
        return NULL;
    }
    size_t start = name_len + 1;
    while (start < end && (guard->line[start] == ' ' || guard->line[start] == '\t')) {
        start++;
    }
    while (end > start && (guard->line[end - 1] == ' ' || guard->line[end - 1] == '\t')) {
        end--;
    }
    *len = end - start;
    return guard->line + start;
}

/* RFC 9110 section 8.6: digits alone. */
static bool parse_length(const char *digits, size_t len, uint64_t *value)
{
    *value = 0;
    if (len == 0 || len > 18) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        *value = *value * 10 + (uint64_t)(digits[i] - '0');
    }
    return true;
}

/* One framing a request: a second header that gives one, the same or the other, is refused. */
static enum http_guard_verdict header_line(struct http_guard *guard)
{
    size_t len;
    const char *value = value_of(guard, "content-length", &len);
    if (value != NULL) {
        if (guard->has_length || guard->has_encoding || guard->line_total > guard->line_len ||
            !parse_length(value, len, &guard->body_left)) {
            return HTTP_GUARD_BAD;
        }
        guard->has_length = true;
        return HTTP_GUARD_PASS;
    }
    value = value_of(guard, "transfer-encoding", &len);
    if (value != NULL) {
        if (guard->has_encoding || guard->has_length || guard->line_total > guard->line_len ||
            len != strlen("chunked") || strncasecmp(value, "chunked", len) != 0) {
            return HTTP_GUARD_BAD;
        }
        guard->has_encoding = true;
        return HTTP_GUARD_PASS;
    }
    /* A folded line continues the one before (RFC 9112 section 5.2); a name with a space before its colon is read in two
     * ways (section 5.1). */
    const char *colon = memchr(guard->line, ':', guard->line_len);
    const char *space = memchr(guard->line, ' ', guard->line_len);
    if (guard->line[0] == ' ' || guard->line[0] == '\t' || (colon == NULL && guard->line_total <= guard->line_len) ||
        (colon != NULL && space != NULL && space < colon) || memchr(guard->line, '\0', guard->line_len) != NULL) {
        return HTTP_GUARD_BAD;
    }
    return HTTP_GUARD_PASS;
}

static enum http_guard_verdict end_of_head(struct http_guard *guard)
{
    if (guard->has_length && guard->body_left > guard->body_max) {
        return HTTP_GUARD_BODY_TOO_LARGE;
    }
    guard->requests++;
    if (guard->has_encoding) {
        guard->state = IN_CHUNK_LEN;
        start_line(guard);
    } else if (guard->body_left > 0) {
        guard->state = IN_BODY;
    } else {
        start_request(guard);
    }
    return HTTP_GUARD_PASS;
}

static enum http_guard_verdict end_of_head_line(struct http_guard *guard)
{
    enum http_guard_verdict verdict = HTTP_GUARD_PASS;
    if (guard->line_total == 0) {
        if (guard->first_line) {
            guard->head_total = 0; /* empty lines before a request are passed over, RFC 9112 section 2.2 */
            return HTTP_GUARD_PASS;
        }
        return end_of_head(guard);
    }
    if (guard->first_line) {
        guard->first_line = false;
    } else {
        verdict = header_line(guard);
    }
    start_line(guard);
    return verdict;
}

/* --- Chunks, RFC 9112 section 7.1 --- */

static enum http_guard_verdict end_of_chunk_line(struct http_guard *guard)
{
    uint64_t len = 0;
    size_t digits = 0;
    for (; digits < guard->line_len && digits < 9; digits++) {
        char digit = guard->line[digits];
        char lower = (char)(digit | 0x20);
        if (digit >= '0' && digit <= '9') {
            len = len << 4 | (uint64_t)(digit - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            len = len << 4 | (uint64_t)(lower - 'a' + 10);
        } else {
            break;
        }
    }
    bool ends = digits == guard->line_len || guard->line[digits] == ';';
    if (digits == 0 || digits > 8 || !ends || guard->line_total > guard->line_len) {
        return HTTP_GUARD_BAD;
    }
    start_line(guard);
    guard->body_total += len;
    if (guard->body_total > guard->body_max) {
        return HTTP_GUARD_BODY_TOO_LARGE;
    }
    guard->state = len > 0 ? IN_CHUNK : IN_TRAILER;
    guard->body_left = len;
    guard->head_total = 0; /* of the trailer */
    return HTTP_GUARD_PASS;
}

static enum http_guard_verdict end_of_line(struct http_guard *guard)
{
    switch (guard->state) {
    case IN_HEAD: return end_of_head_line(guard);
    case IN_CHUNK_LEN: return end_of_chunk_line(guard);
    case IN_CHUNK_END:
        if (guard->line_total != 0) {
            return HTTP_GUARD_BAD;
        }
        guard->state = IN_CHUNK_LEN;
        start_line(guard);
        return HTTP_GUARD_PASS;
    default:
        if (guard->line_total == 0) {
            start_request(guard);
        }
        start_line(guard);
        return HTTP_GUARD_PASS;
    }
}

/* One octet of a line. A carriage return counts only when no line feed follows: both ends of line are in use. */
static enum http_guard_verdict line_octet(struct http_guard *guard, uint8_t octet)
{
    if (++guard->head_total > HTTP_GUARD_HEAD_MAX) {
        return HTTP_GUARD_HEAD_TOO_LARGE;
    }
    if (octet == '\n') {
        if (guard->line_total > 0 && guard->line_total <= sizeof guard->line &&
            guard->line[guard->line_total - 1] == '\r') {
            guard->line_len--;
            guard->line_total--;
        }
        return end_of_line(guard);
    }
    if (guard->line_len < sizeof guard->line) {
        if (guard->line_len > 0 && guard->line[guard->line_len - 1] == '\r') {
            return HTTP_GUARD_BAD; /* a bare CR in what we look at */
        }
        guard->line[guard->line_len++] = (char)octet;
    }
    guard->line_total++;
    return HTTP_GUARD_PASS;
}

enum http_guard_verdict http_guard_feed(struct http_guard *guard, const uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        if (guard->state == IN_BODY || guard->state == IN_CHUNK) {
            uint64_t some = len - at < guard->body_left ? len - at : guard->body_left;
            at += some;
            guard->body_left -= some;
            if (guard->body_left == 0 && guard->state == IN_BODY) {
                start_request(guard);
            } else if (guard->body_left == 0) {
                guard->state = IN_CHUNK_END;
                guard->head_total = 0;
                start_line(guard);
            }
            continue;
        }
        enum http_guard_verdict verdict = line_octet(guard, data[at++]);
        if (verdict != HTTP_GUARD_PASS) {
            return verdict;
        }
    }
    return HTTP_GUARD_PASS;
}
