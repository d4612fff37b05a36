#include "control/native_api.h"

#include <stdio.h>
#include <string.h>

#include "control/api_login.h"
#include "control/native_internal.h"

#define METHODS_TEXT_MAX 64

static const struct native_route routes[] = {
    {"GET", "delegates", native_list},
    {"POST", "delegates", native_register},
    {"GET", "delegates/{id}", native_get},
    {"PATCH", "delegates/{id}", native_change},
    {"DELETE", "delegates/{id}", native_delete},
    {"PUT", "delegates/{id}/values", native_set_values},
    {"DELETE", "delegates/{id}/values", native_clear_values},
    {"DELETE", "delegates/{id}/values/{value}", native_remove_value},
    {"PUT", "delegates/{id}/persistent", native_set_persistent},
    {"POST", "delegates/{id}/keys", native_add_key},
    {"DELETE", "delegates/{id}/keys/{key_id}", native_revoke_key},
    {"GET", "delegates/{id}/history", native_history},
    {"GET", "delegates/{id}/setup", native_setup},
    {"POST", "delegates/{id}/disable", native_disable},
    {"POST", "delegates/{id}/enable", native_enable},
    {"GET", "stats", native_stats},
    {"GET", "backup", native_backup_state},
    {"POST", "backup", native_backup},
};

#define ROUTES_COUNT (sizeof routes / sizeof routes[0])

const struct native_route *native_api_routes(size_t *count)
{
    *count = ROUTES_COUNT;
    return routes;
}

/* --- Who asks --- */

bool native_bearer(const struct http_exchange *exchange, struct http_text *token)
{
    static const char scheme[] = "bearer "; /* RFC 6750 section 2.1; the scheme's case does not matter */
    struct http_text header = http_exchange_header(exchange, "authorization");
    if (header.data == NULL || header.len < strlen(scheme) || strncasecmp(header.data, scheme, strlen(scheme)) != 0) {
        return false;
    }
    *token = (struct http_text){header.data + strlen(scheme), header.len - strlen(scheme)};
    while (token->len > 0 && token->data[0] == ' ') { /* RFC 9110 section 11.4: one or more blanks */
        token->data++;
        token->len--;
    }
    return true;
}

/* Answers unless the code is 0. */
static bool go_on(const struct native_request *request, int code, unsigned retry_after_s)
{
    if (code != 0) {
        api_answer_code(&request->api, code, retry_after_s);
    }
    return code == 0;
}

/* Another's delegate is answered as a wrong key is: nothing tells whether it exists. */
static int check_own(const struct native_request *request, unsigned *retry_after_s)
{
    struct delegate_id asked;
    struct http_text id = request->arguments[0];
    if (delegate_id_parse(id.data, id.len, &asked) == 0 &&
        memcmp(&asked, &request->login.account.delegate, sizeof asked) == 0) {
        return 0;
    }
    return service_refused(request->service, request->client, retry_after_s);
}

bool native_login(struct native_request *request)
{
    unsigned retry_after_s = 0;
    if (!api_login(request->service, &request->api, &request->login)) {
        return false;
    }
    return go_on(request, check_own(request, &retry_after_s), retry_after_s);
}

bool native_login_operator(struct native_request *request)
{
    struct http_text token = {"", 0};
    unsigned retry_after_s = 0;
    (void)native_bearer(request->api.exchange, &token);
    int code = service_operator_login(request->service, request->client, token.data, token.len, request->token_id,
                                      &retry_after_s);
    request->by_operator = code == 0;
    return go_on(request, code, retry_after_s);
}

bool native_login_any(struct native_request *request)
{
    struct http_text token;
    return native_bearer(request->api.exchange, &token) ? native_login_operator(request) : native_login(request);
}

/* --- Which route --- */

/* Whether the path is the route's, argument by argument. */
static bool route_matches(const struct native_route *route, struct api_path path,
                          struct http_text arguments[NATIVE_ARGUMENTS_MAX])
{
    unsigned count = 0;
    for (const char *at = route->path; at != NULL && *at != '\0';) {
        const char *slash = strchr(at, '/');
        size_t len = slash == NULL ? strlen(at) : (size_t)(slash - at);
        struct http_text segment = api_path_take_any(&path);
        if (segment.data == NULL) {
            return false;
        }
        if (*at == '{') {
            arguments[count++] = segment;
        } else if (segment.len != len || memcmp(segment.data, at, len) != 0) {
            return false;
        }
        at = slash == NULL ? NULL : slash + 1;
    }
    return api_path_left(&path) == 0;
}

/* Finds the route of path and method. `methods` is filled with those that the path has; empty: there is no such path. */
static const struct native_route *find_route(struct native_request *request, const struct api_path *path,
                                             char methods[METHODS_TEXT_MAX])
{
    const struct native_route *found = NULL;
    const struct http_text asked = http_exchange_method(request->api.exchange);
    size_t len = 0;
    methods[0] = '\0';
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        struct http_text arguments[NATIVE_ARGUMENTS_MAX];
        if (!route_matches(&routes[i], *path, arguments)) {
            continue;
        }
        bool is_get = strcmp(routes[i].method, "GET") == 0; /* and then HEAD: RFC 9110 section 9.3.2 */
        len +=
            (size_t)snprintf(methods + len, METHODS_TEXT_MAX - len, "%s, %s", routes[i].method, is_get ? "HEAD, " : "");
        if (http_text_is(asked, routes[i].method) || (is_get && http_text_is(asked, "HEAD"))) {
            found = &routes[i];
            memcpy(request->arguments, arguments, sizeof arguments);
        }
    }
    if (len > 0) {
        (void)snprintf(methods + len, METHODS_TEXT_MAX - len, "OPTIONS");
    }
    return found;
}

void native_api_handle(struct service *service, struct backup_job *backup, struct api_path path, struct http_text token,
                       struct http_exchange *exchange)
{
    char methods[METHODS_TEXT_MAX];
    struct service_rules *rules = service_rules_hold(service);
    struct native_request request = {
        .api = {.exchange = exchange, .rules = rules, .methods = methods, .explains = true},
        .service = service,
        .backup = backup,
        .token = token};
    const struct native_route *route = find_route(&request, &path, methods);
    http_exchange_client(exchange, request.client);
    if (methods[0] == '\0') {
        api_answer_error(&request.api, 404, "not_found", "there is no such path");
    } else if (route == NULL) {
        api_answer_method(&request.api);
    } else {
        route->handle(&request);
    }
    explicit_bzero(&request.login, sizeof request.login);
    service_rules_release(rules);
}
