/* api_answer.h: the answers of the API: always compact JSON on one line, always with the CORS headers. */
#ifndef TXTD_CONTROL_API_ANSWER_H
#define TXTD_CONTROL_API_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#include "control/http_server.h"
#include "control/service_rules.h"

struct service;

/* What the helpers need of a request: its exchange, the rules in force, and what may be done at its path. */
struct api_request {
    struct http_exchange *exchange;
    const struct service_rules *rules;
    const char *methods; /* for Allow and CORS: "POST, OPTIONS" */
    bool explains;       /* as the native API does: errors carry a sentence for people, answers an ETag */
};

/* Answers with a ready body. The exchange is gone afterwards. Loop thread; so are the others. */
void api_answer_text(const struct api_request *request, int status, const char *body, size_t body_len);

/* Answers with `json` and gives the reference back; 500 if it cannot be written. NULL is answered 500. */
void api_answer_json(const struct api_request *request, int status, json_t *json);

/* The same with an ETag of the version that the answer is of (RFC 9110 section 8.8.3). */
void api_answer_tagged(const struct api_request *request, int status, json_t *json, uint64_t version);

/* {"error":"<word>"}, with `detail` (may be NULL) a sentence beside it. */
void api_answer_error(const struct api_request *request, int status, const char *word, const char *detail);

/* The same with 400, for what is wrong with the request itself; counted as a refusal of `service`. */
void api_answer_invalid(const struct api_request *request, struct service *service, const char *word,
                        const char *detail);

/* 429 with Retry-After. */
void api_answer_limited(const struct api_request *request, unsigned retry_after_s);

/* 405 with Allow, or 204 to OPTIONS. */
void api_answer_method(const struct api_request *request);

/* What a code of service.h means to a client: 401, 404, 429, 503 ... */
void api_answer_code(const struct api_request *request, int code, unsigned retry_after_s);

#endif
