#include "control/health_api.h"

#include "control/api_path.h"
#include "control/health.h"

static bool is_fine(const struct health *health, enum health_api_question question, const char **reason)
{
    struct health_report report;
    if (question == HEALTH_API_LIVE) {
        return true;
    }
    health_read(health, &report);
    *reason = report.reason;
    return report.dns_answers && (question == HEALTH_API_READY || (report.store == 0 && !report.store_damaged));
}

void health_api_handle(const struct health *health, enum health_api_question question,
                       const struct api_request *request)
{
    static const char fine[] = "{\"status\":\"ok\"}";
    struct api_request own = {request->exchange, request->rules, "GET, HEAD, OPTIONS", false};
    struct http_text method = http_exchange_method(own.exchange);
    const char *reason = "";
    if (!http_text_is(method, "GET") && !http_text_is(method, "HEAD")) {
        api_answer_method(&own);
    } else if (is_fine(health, question, &reason)) {
        api_answer_text(&own, 200, fine, sizeof fine - 1);
    } else {
        api_answer_error(&own, 503, "unavailable", reason);
    }
}
