#include "control/api_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api_path.h"
#include "control/cors.h"
#include "control/service.h"

#define CONTENT_TYPE   "application/json"
#define BUSY_RETRY_S   1
#define FULL_RETRY_S   3600 /* until unused ones have gone, or the operator has made room */
#define OWN_HEADER_MAX 2    /* Allow or Retry-After, Cache-Control */

static void answer(const struct api_request *request, int status, const struct http_header *own, const char *body,
                   size_t body_len)
{
    struct http_header headers[OWN_HEADER_MAX + CORS_HEADERS_MAX];
    unsigned count = 0;
    /* Answers hold secrets or the state of a moment. */
    headers[count++] = (struct http_header){"cache-control", "no-store"};
    if (own != NULL) {
        headers[count++] = *own;
    }
    count += cors_headers(request->rules, request->exchange, request->methods, request->explains, headers + count);
    http_exchange_answer(request->exchange, status, CONTENT_TYPE, headers, count, body, body_len);
}

static void answer_error(const struct api_request *request, int status, const struct http_header *own, const char *word,
                         const char *detail)
{
    char body[512];
    /* Words and sentences are the program's own: nothing in them needs escaping. */
    int len = detail == NULL ? snprintf(body, sizeof body, "{\"error\":\"%s\"}", word)
                             : snprintf(body, sizeof body, "{\"error\":\"%s\",\"detail\":\"%s\"}", word, detail);
    answer(request, status, own, body, (size_t)len);
}

void api_answer_text(const struct api_request *request, int status, const char *body, size_t body_len)
{
    answer(request, status, NULL, body, body_len);
}

static void answer_json(const struct api_request *request, int status, const struct http_header *own, json_t *json)
{
    char *body = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (body == NULL) {
        answer_error(request, 500, NULL, "internal_error", NULL);
        return;
    }
    size_t len = strlen(body);
    answer(request, status, own, body, len);
    explicit_bzero(body, len); /* a registration's answer holds the key */
    free(body);
}

void api_answer_json(const struct api_request *request, int status, json_t *json)
{
    answer_json(request, status, NULL, json);
}

void api_answer_tagged(const struct api_request *request, int status, json_t *json, uint64_t version)
{
    char tag[24];
    (void)snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)version);
    answer_json(request, status, &(struct http_header){"etag", tag}, json);
}

void api_answer_error(const struct api_request *request, int status, const char *word, const char *detail)
{
    answer_error(request, status, NULL, word, detail);
}

void api_answer_invalid(const struct api_request *request, struct service *service, const char *word,
                        const char *detail)
{
    service_count_invalid(service);
    answer_error(request, 400, NULL, word, detail);
}

/* What the native API says beside the word. */
static const char *sentence_of(const char *word)
{
    static const struct {
        const char *word, *sentence;
    } rows[] = {
        {"forbidden", "these credentials do not open this from this address"},
        {"not_found", "there is no such thing"},
        {"zone_not_served", "its zone is not served here any more"},
        {"rate_limited", "too many requests; Retry-After says when to come again"},
        {"full", "there are as many delegates as there may be"},
        {"unavailable", "changes are not taken now; Retry-After says when to come again"},
        {"method_not_allowed", "Allow says which methods this path has"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].word, word) == 0) {
            return rows[i].sentence;
        }
    }
    return NULL;
}

static void answer_word(const struct api_request *request, int status, const struct http_header *own, const char *word)
{
    answer_error(request, status, own, word, request->explains ? sentence_of(word) : NULL);
}

static void answer_later(const struct api_request *request, int status, const char *word, unsigned retry_after_s)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    answer_word(request, status, &(struct http_header){"retry-after", seconds}, word);
}

void api_answer_limited(const struct api_request *request, unsigned retry_after_s)
{
    answer_later(request, 429, "rate_limited", retry_after_s);
}

void api_answer_method(const struct api_request *request)
{
    struct http_header allow = {"allow", request->methods}; /* RFC 9110 section 15.5.6 */
    if (http_text_is(http_exchange_method(request->exchange), "OPTIONS")) {
        answer(request, 204, &allow, "", 0);
    } else {
        answer_word(request, 405, &allow, "method_not_allowed");
    }
}

void api_answer_code(const struct api_request *request, int code, unsigned retry_after_s)
{
    /* RFC 9110 section 15.5.2: a 401 has a challenge. */
    static const struct http_header challenge = {"www-authenticate", "Basic realm=\"txtd\", charset=\"UTF-8\""};
    switch (code) {
    case TXTD_EFORBIDDEN: answer_word(request, 401, &challenge, "forbidden"); break;
    case TXTD_ENOTFOUND: answer_word(request, 404, NULL, "not_found"); break;
    case TXTD_EUNSUPPORTED: answer_word(request, 404, NULL, "zone_not_served"); break;
    case TXTD_EQUOTA: answer_later(request, 503, "full", FULL_RETRY_S); break;
    case TXTD_ELIMITED: api_answer_limited(request, retry_after_s); break;
    /* The rest is our trouble, not the client's: a full queue, a full disk, a stop. */
    default: answer_later(request, 503, "unavailable", BUSY_RETRY_S); break;
    }
}
