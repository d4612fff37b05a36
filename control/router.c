#include "control/router.h"

#include "control/acmedns_api.h"
#include "control/api_answer.h"
#include "control/api_path.h"
#include "control/health_api.h"
#include "control/metrics_api.h"
#include "control/native_api.h"
#include "control/openapi.h"
#include "control/service.h"

static void handle_internal(const struct router *router, const struct api_path *path, const struct api_request *request)
{
    if (api_path_ends(path, "metrics")) {
        metrics_api_handle(&router->metrics, request);
    } else if (api_path_ends(path, "health")) {
        health_api_handle(router->health, HEALTH_API_WHOLE, request);
    } else if (api_path_ends(path, "livez")) {
        health_api_handle(router->health, HEALTH_API_LIVE, request);
    } else if (api_path_ends(path, "readyz")) {
        health_api_handle(router->health, HEALTH_API_READY, request);
    } else {
        api_answer_error(request, 404, "not_found", NULL);
    }
}

/* Whether the path is one of the native API, and then steps to what follows /api/v1. */
static bool take_native(struct api_path *path)
{
    struct api_path below = *path;
    if (!api_path_take(&below, "api") || !api_path_take(&below, "v1")) {
        return false;
    }
    struct api_path compat = below;
    if (api_path_take(&compat, "acme-dns-compat")) {
        return false;
    }
    *path = below;
    return true;
}

static void handle_openapi(const struct api_request *request)
{
    size_t len;
    const char *document = openapi_document(&len);
    struct http_text method = http_exchange_method(request->exchange);
    if (http_text_is(method, "GET") || http_text_is(method, "HEAD")) {
        api_answer_text(request, 200, document, len);
    } else {
        api_answer_method(request);
    }
}

/* Whatever registration asks for now, a base URL with /t/<token> goes on working: an operator who opens registration to all would
 * otherwise cut off every client that was given one. */
static void handle_public(const struct router *router, struct api_path *path, const struct api_request *request)
{
    struct http_text token = {NULL, 0};
    if (api_path_take(path, "t")) {
        token = api_path_take_any(path);
    }
    if (take_native(path)) {
        native_api_handle(router->service, router->backup, *path, token, request->exchange);
    } else if (api_path_ends(path, "openapi.json")) {
        handle_openapi(request);
    } else if (api_path_ends(path, "livez")) {
        health_api_handle(router->health, HEALTH_API_LIVE, request);
    } else if (api_path_ends(path, "readyz")) {
        health_api_handle(router->health, HEALTH_API_READY, request);
    } else {
        acmedns_api_handle(router->service, router->health, *path, token, request->exchange);
    }
}

void router_handle(void *context, struct http_exchange *exchange)
{
    const struct router *router = context;
    struct service_rules *rules = service_rules_hold(router->service);
    struct api_request request = {exchange, rules, "GET, HEAD, OPTIONS", false};
    struct api_path path;
    if (http_text_is(http_exchange_path(exchange), "*")) {
        request.methods =
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"; /* of the whole server: RFC 9110 section 9.3.7 */
        api_answer_method(&request);
    } else if (api_path_cut(http_exchange_path(exchange), &path) != 0) {
        api_answer_error(&request, 404, "not_found", NULL);
    } else if (http_exchange_site(exchange) == CONFIG_SITE_INTERNAL) {
        handle_internal(router, &path, &request);
    } else {
        handle_public(router, &path, &request);
    }
    service_rules_release(rules);
}
