#include "control/metrics_api.h"

#include "control/api_path.h"

void metrics_api_handle(const struct metrics_sources *sources, const struct api_request *request)
{
    char text[METRICS_LEN_MAX];
    struct api_request own = {request->exchange, request->rules, "GET, HEAD, OPTIONS", false};
    struct http_text method = http_exchange_method(own.exchange);
    if (!http_text_is(method, "GET") && !http_text_is(method, "HEAD")) {
        api_answer_method(&own);
        return;
    }
    int len = metrics_write(sources, text, sizeof text);
    if (len < 0) {
        api_answer_error(&own, 500, "internal_error", NULL);
        return;
    }
    http_exchange_answer(own.exchange, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0, text, (size_t)len);
}
