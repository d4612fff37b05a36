#include "control/cors.h"

#include "control/api_path.h"

#define PREFLIGHT_KEPT_S "600"
#define ALLOWED_HEADERS  "Content-Type, X-Api-User, X-Api-Key, Authorization"

/* What to say to this origin, or NULL. Taken from the configuration, not from the request. */
static const char *allowed_origin(const struct service_rules *rules, struct http_text origin)
{
    for (unsigned i = 0; i < rules->cors_origins_count; i++) {
        if (http_text_is((struct http_text){"*", 1}, rules->cors_origins[i]) ||
            http_text_is(origin, rules->cors_origins[i])) {
            return rules->cors_origins[i];
        }
    }
    return NULL;
}

unsigned cors_headers(const struct service_rules *rules, const struct http_exchange *exchange, const char *methods,
                      bool tagged, struct http_header headers[CORS_HEADERS_MAX])
{
    struct http_text origin = http_exchange_header(exchange, "origin");
    unsigned count = 0;
    if (rules->cors_origins_count == 0) {
        return 0;
    }
    /* A cache must not give one origin's answer to another, so this stands there without an Origin, too. */
    headers[count++] = (struct http_header){"vary", "Origin"};
    const char *allowed = origin.data == NULL ? NULL : allowed_origin(rules, origin);
    if (allowed == NULL) {
        return count;
    }
    headers[count++] = (struct http_header){"access-control-allow-origin", allowed};
    if (http_text_is(http_exchange_method(exchange), "OPTIONS") &&
        http_exchange_header(exchange, "access-control-request-method").data != NULL) {
        headers[count++] = (struct http_header){"access-control-allow-methods", methods};
        headers[count++] = (struct http_header){"access-control-allow-headers",
                                                tagged ? ALLOWED_HEADERS ", If-Match" : ALLOWED_HEADERS};
        headers[count++] = (struct http_header){"access-control-max-age", PREFLIGHT_KEPT_S};
    } else {
        headers[count++] =
            (struct http_header){"access-control-expose-headers", tagged ? "Retry-After, ETag" : "Retry-After"};
    }
    return count;
}
