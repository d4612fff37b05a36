/* The API as a client sees it, without sockets: paths, methods, status, headers, bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "control/config.h"
#include "control/health.h"
#include "control/router.h"
#include "control/service.h"
#include "tests/unit/control/fake_http.h"
#include "tests/unit/control/fake_store.h"

#define VALUE            "___validation_token_received_from_the_ca___"
#define COMPAT           "/api/v1/acme-dns-compat"
#define FORBIDDEN_NATIVE "{\"error\":\"forbidden\",\"detail\":\"these credentials do not open this from this address\"}"

static struct health_report fake_health;

void health_read(const struct health *health, struct health_report *report)
{
    (void)health;
    *report = fake_health;
}

struct scene {
    struct router router;
    struct service_settings settings;
    struct http_exchange exchange;
    char username[64], password[64], subdomain[64];
};

static const struct service_zone zones[] = {{"auth.example.org", 3, 2, 0}};
static const char *const tokens[] = {"token-0123456789abcdef"};
static const char *const origins[] = {"https://a.example"};

static int begin(void **state)
{
    static struct scene scene;
    const struct service_parts parts = {0};
    memset(&scene, 0, sizeof scene);
    memset(&fake_store, 0, sizeof fake_store);
    fake_health = (struct health_report){.dns_answers = true, .store = 0, .reason = ""};
    scene.settings = (struct service_settings){.zones = zones,
                                               .zones_count = 1,
                                               .registration_tokens = tokens,
                                               .registration_tokens_count = 1,
                                               .server_url = "https://auth.example.org",
                                               .edits_max = 4,
                                               .calls_max = 4};
    *state = &scene;
    return service_new(&parts, &scene.settings, &scene.router.service, NULL);
}

static int end(void **state)
{
    struct scene *scene = *state;
    service_free(scene->router.service);
    return 0;
}

static void reload(struct scene *scene)
{
    assert_int_equal(service_reload(scene->router.service, &scene->settings, NULL), 0);
}

/* Starts a new request. */
static struct http_exchange *request(struct scene *scene, const char *method, const char *path, const char *body)
{
    memset(&scene->exchange, 0, sizeof scene->exchange);
    scene->exchange.method = method;
    scene->exchange.path = path;
    scene->exchange.body = body;
    scene->exchange.client[10] = scene->exchange.client[11] = 0xff;
    scene->exchange.client[12] = 192;
    return &scene->exchange;
}

static void add_header(struct scene *scene, const char *name, const char *value)
{
    scene->exchange.headers[scene->exchange.headers_count++] = (struct http_header){name, value};
}

static int answer(struct scene *scene)
{
    router_handle(&scene->router, &scene->exchange);
    fake_http_loop(&scene->exchange);
    return scene->exchange.status;
}

static void assert_answer(struct scene *scene, int status, const char *body)
{
    assert_int_equal(answer(scene), status);
    assert_string_equal(scene->exchange.answer, body);
    assert_string_equal(scene->exchange.content_type, "application/json");
}

static void assert_header(const struct scene *scene, const char *line)
{
    if (strstr(scene->exchange.answer_headers, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, scene->exchange.answer_headers);
    }
}

static void field(const json_t *object, const char *name, char out[64])
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    (void)snprintf(out, 64, "%s", text);
}

static void register_account(struct scene *scene, const char *body)
{
    request(scene, "POST", "/register", body);
    assert_int_equal(answer(scene), 201);
    json_t *json = json_loads(scene->exchange.answer, 0, NULL);
    field(json, "username", scene->username);
    field(json, "password", scene->password);
    field(json, "subdomain", scene->subdomain);
    json_decref(json);
}

/* An update with the scene's credentials; `path` and `body_format` with a %s for the subdomain. */
static struct http_exchange *update(struct scene *scene, const char *path, const char *body_format)
{
    static char body[1024];
    (void)snprintf(body, sizeof body, body_format, scene->subdomain);
    request(scene, "POST", path, body);
    add_header(scene, "X-Api-User", scene->username);
    add_header(scene, "X-Api-Key", scene->password);
    return &scene->exchange;
}

static void test_register(void **state)
{
    struct scene *scene = *state;
    static const char *const paths[] = {"/register", "//register", "/register/", COMPAT "/register",
                                        COMPAT "//register/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        request(scene, "POST", paths[i], "");
        assert_int_equal(answer(scene), 201);
    }
    register_account(scene, "{\"AllowFrom\":[\"192.0.2.0/24\",\"[::1]/64\"]}");
    char expected[512];
    (void)snprintf(
        expected, sizeof expected,
        "{\"username\":\"%s\",\"password\":\"%s\",\"fulldomain\":\"%s.auth.example.org\",\"subdomain\":\"%s\","
        "\"allowfrom\":[\"192.0.2.0/24\",\"::1/64\"],\"server_url\":\"https://auth.example.org\"}",
        scene->username, scene->password, scene->subdomain, scene->subdomain);
    assert_string_equal(scene->exchange.answer, expected);
    assert_header(scene, "cache-control: no-store\n");

    struct service_counters before, after;
    service_counters(scene->router.service, &before);
    request(scene, "POST", "/register", "{");
    assert_answer(scene, 400, "{\"error\":\"malformed_json_payload\"}");
    request(scene, "POST", "/register", "{\"allowfrom\":[\"192.0.2.1\"]}");
    assert_answer(scene, 400, "{\"error\":\"invalid_allowfrom_cidr\"}");
    service_counters(scene->router.service, &after);
    assert_int_equal(after.invalid, before.invalid + 2);
}

static void test_update(void **state)
{
    struct scene *scene = *state;
    static const char body[] = "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}";
    register_account(scene, NULL);
    update(scene, "/update", body);
    assert_answer(scene, 200, "{\"txt\":\"" VALUE "\"}");
    update(scene, COMPAT "/update/", "{\"SubDomain\":\"%s.auth.example.org\",\"Txt\":\"" VALUE "\"}");
    assert_answer(scene, 200, "{\"txt\":\"" VALUE "\"}");
    update(scene, "/update", "{\"subdomain\":\"%s\",\"txt\":\"short\"}");
    assert_answer(scene, 400, "{\"error\":\"bad_txt\"}");
    update(scene, "/update", "{\"subdomain\":\"%s\",\"txt\":5}");
    assert_answer(scene, 400, "{\"error\":\"bad_txt\"}");
    update(scene, "/update", "{");
    assert_answer(scene, 400, "{\"error\":\"malformed_json_payload\"}");
    update(scene, "/update", "{\"subdomain\":\"8e5700ea-a4bf-41c7-8a77-e990661dcc6a\",\"txt\":\"" VALUE "\"}");
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    update(scene, "/update", "null");
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    update(scene, "/update", body)->headers[1].value = "wrong";
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    update(scene, "/update", "{")->headers[1].value = "wrong"; /* strangers are not told about bodies */
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    update(scene, "/update", body)->headers_count = 1;
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    request(scene, "POST", "/update", "{}");
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
}

/* Whoever asks from where he may not learns what he would learn of an account that is not there. */
static void test_allowfrom(void **state)
{
    struct scene *scene = *state;
    static const char body[] = "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}";
    register_account(scene, "{\"allowfrom\":[\"192.0.0.0/24\"]}");
    update(scene, "/update", body);
    assert_answer(scene, 200, "{\"txt\":\"" VALUE "\"}");
    update(scene, "/update", body)->client[12] = 193;
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
}

static void test_basic(void **state)
{
    struct scene *scene = *state;
    char pair[256], header[512] = "Basic ";
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    register_account(scene, NULL);
    /* 36 + 1 + 40 octets: two short of a multiple of three, so the padding is "=" */
    (void)snprintf(pair, sizeof pair, "%s:%s", scene->username, scene->password);
    size_t len = strlen(pair), at = strlen(header);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (i + k < len ? (uint8_t)pair[i + k] : 0u);
        }
        for (size_t k = 0; k < 4; k++) {
            header[at++] = i + k > len ? '=' : alphabet[group >> (18 - 6 * k) & 63];
        }
    }
    header[at] = '\0';
    update(scene, "/update", "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}")->headers_count = 0;
    add_header(scene, "Authorization", header);
    assert_int_equal(answer(scene), 200);

    /* Beside the pair of headers it is somebody else's. */
    update(scene, "/update", "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}");
    add_header(scene, "Authorization", "Basic eDp5");
    assert_int_equal(answer(scene), 200);
    static const char *const wrong[] = {"Basic",      "Basic ",     "Basic !!!!", "Basic eHh4",
                                        "Bearer abc", "Basic eDp5", "Basic e"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        update(scene, "/update", "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}")->headers_count = 0;
        add_header(scene, "Authorization", wrong[i]);
        assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    }
}

static void test_methods_and_paths(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *method, *path;
        int status;
        const char *allow;
    } rows[] = {
        {"GET", "/register", 405, "allow: POST, OPTIONS\n"},
        {"PUT", "/update", 405, "allow: POST, OPTIONS\n"},
        {"HEAD", COMPAT "/update", 405, "allow: POST, OPTIONS\n"},
        {"POST", "/health", 405, "allow: GET, HEAD, OPTIONS\n"},
        {"DELETE", "/readyz", 405, "allow: GET, HEAD, OPTIONS\n"},
        {"OPTIONS", "/register", 204, "allow: POST, OPTIONS\n"},
        {"PUT", "/api/v1/delegates/x", 405, "allow: GET, HEAD, PATCH, DELETE, OPTIONS\n"},
        {"GET", "/health", 200, ""},
        {"HEAD", "/health", 200, ""},
        {"GET", COMPAT "/health", 200, ""},
        {"GET", "/livez", 200, ""},
        {"GET", "/readyz", 200, ""},
        {"GET", "/openapi.json", 200, ""},
        {"HEAD", "/openapi.json", 200, ""},
        {"HEAD", "/api/v1/stats", 401, "www-authenticate: Basic realm="},
        {"POST", "/update", 401, "www-authenticate: Basic realm="},
        {"OPTIONS", "*", 204, "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\n"},
        {"GET", "*", 405, "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\n"},
        {"GET", "/", 404, ""},
        {"GET", "/metrics", 404, ""},
        {"POST", "/register/x", 404, ""},
        {"POST", "/t/token-0123456789abcdef/register", 201, ""}, /* open to all: the token does not matter */
        {"GET", "/api/v1", 404, ""},
        {"GET", "/api/v1/delegates", 401, ""},
        {"GET", "/api/v1/delegates/x/y", 404, ""},
        {"PUT", "/api/v1/delegates", 405, "allow: GET, HEAD, POST, OPTIONS\n"},
        {"GET", COMPAT, 404, ""},
        {"POST", "/a/b/c/d/e/f/g/h/i", 404, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(scene, rows[i].method, rows[i].path, "");
        assert_int_equal(answer(scene), rows[i].status);
        assert_string_equal(scene->exchange.content_type, "application/json");
        assert_header(scene, rows[i].allow);
    }
}

static void test_health(void **state)
{
    struct scene *scene = *state;
    request(scene, "GET", "/health", NULL);
    assert_answer(scene, 200, "{\"status\":\"ok\"}");
    fake_health = (struct health_report){.dns_answers = true, .store = TXTD_ENOSPC, .reason = "no space"};
    request(scene, "GET", "/health", NULL);
    assert_answer(scene, 503, "{\"error\":\"unavailable\",\"detail\":\"no space\"}");
    request(scene, "GET", "/readyz", NULL);
    assert_int_equal(answer(scene), 200); /* DNS goes on */
    fake_health = (struct health_report){.dns_answers = false, .store = 0, .reason = "no DNS"};
    request(scene, "GET", "/readyz", NULL);
    assert_int_equal(answer(scene), 503);
    request(scene, "GET", "/health", NULL);
    assert_int_equal(answer(scene), 503);
    request(scene, "GET", "/livez", NULL);
    assert_int_equal(answer(scene), 200);
}

static void test_internal_site(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *path;
        int status;
    } rows[] = {{"/metrics", 200}, {"/livez", 200},    {"/readyz", 200},
                {"/health", 200},  {"/register", 404}, {"/update", 404}};
    scene->router.metrics = (struct metrics_sources){.service = scene->router.service};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(scene, "GET", rows[i].path, NULL)->site = CONFIG_SITE_INTERNAL;
        assert_int_equal(answer(scene), rows[i].status);
    }
    request(scene, "GET", "/metrics", NULL)->site = CONFIG_SITE_INTERNAL;
    assert_int_equal(answer(scene), 200);
    assert_non_null(strstr(scene->exchange.content_type, "version=0.0.4"));
    assert_non_null(strstr(scene->exchange.answer, "\ntxtd_registrations_total 0\n"));
    request(scene, "POST", "/metrics", NULL)->site = CONFIG_SITE_INTERNAL;
    assert_int_equal(answer(scene), 405);
}

static void test_tokens(void **state)
{
    struct scene *scene = *state;
    register_account(scene, NULL);
    scene->settings.registration = CONFIG_REGISTRATION_TOKEN;
    reload(scene);
    request(scene, "POST", "/register", "");
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    request(scene, "POST", "/t/wrong/register", "");
    assert_answer(scene, 401, "{\"error\":\"forbidden\"}");
    request(scene, "POST", "/t/token-0123456789abcdef/register", "");
    assert_int_equal(answer(scene), 201);
    request(scene, "POST", COMPAT "//t/token-0123456789abcdef/register", "");
    assert_int_equal(answer(scene), 201);
    assert_null(strstr(scene->exchange.answer, "token-"));
    update(scene, "/t/withdrawn/update", "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}");
    assert_int_equal(answer(scene), 200);
    request(scene, "GET", "/t/token-0123456789abcdef/health", NULL);
    assert_int_equal(answer(scene), 200);

    scene->settings.registration = CONFIG_REGISTRATION_OFF;
    reload(scene);
    request(scene, "POST", "/register", "");
    assert_answer(scene, 404, "{\"error\":\"not_found\"}");
    update(scene, "/t/withdrawn/update", "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}");
    assert_int_equal(answer(scene), 200);
}

static void test_limits(void **state)
{
    struct scene *scene = *state;
    static const char body[] = "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}";
    register_account(scene, NULL);
    scene->settings.rates =
        (struct config_rates){.registrations_per_minute = 1, .updates_per_minute = 1, .failures_per_minute = 1};
    reload(scene);
    register_account(scene, NULL);
    request(scene, "POST", "/register", "");
    assert_answer(scene, 429, "{\"error\":\"rate_limited\"}");
    assert_header(scene, "retry-after: 60\n");
    update(scene, "/update", body);
    assert_int_equal(answer(scene), 200);
    update(scene, "/update", body);
    assert_answer(scene, 429, "{\"error\":\"rate_limited\"}");
    update(scene, "/update", body)->headers[1].value = "wrong";
    assert_int_equal(answer(scene), 401);
    update(scene, "/update", body)->headers[1].value = "wrong";
    assert_int_equal(answer(scene), 429);
}

static void test_trouble(void **state)
{
    struct scene *scene = *state;
    static const char body[] = "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}";
    register_account(scene, NULL);
    fake_store.submit_result = TXTD_EFULL;
    update(scene, "/update", body);
    assert_answer(scene, 503, "{\"error\":\"unavailable\"}");
    assert_header(scene, "retry-after: 1\n");
    fake_store.submit_result = 0;
    fake_store.commit_result = TXTD_ENOSPC;
    request(scene, "POST", "/register", "");
    assert_answer(scene, 503, "{\"error\":\"unavailable\"}");
    fake_store.read_result = TXTD_EIO;
    update(scene, "/update", body);
    assert_answer(scene, 503, "{\"error\":\"unavailable\"}");
}

/* The answer waits for the commit, and the loop for nothing. */
static void test_answered_later(void **state)
{
    struct scene *scene = *state;
    fake_store.hold = true;
    request(scene, "POST", "/register", "");
    assert_int_equal(answer(scene), 0);
    fake_store_release();
    assert_int_equal(scene->exchange.status, 0); /* only the loop's thread answers */
    fake_http_loop(&scene->exchange);
    assert_int_equal(scene->exchange.status, 201);
}

static void test_cors(void **state)
{
    struct scene *scene = *state;
    request(scene, "POST", "/register", "");
    add_header(scene, "Origin", "https://a.example");
    assert_int_equal(answer(scene), 201);
    assert_null(strstr(scene->exchange.answer_headers, "access-control"));

    scene->settings.cors_origins = origins;
    scene->settings.cors_origins_count = 1;
    reload(scene);
    request(scene, "POST", "/register", "{");
    add_header(scene, "Origin", "https://a.example");
    assert_int_equal(answer(scene), 400);
    assert_header(scene, "access-control-allow-origin: https://a.example\n");
    assert_header(scene, "vary: Origin\n");
    request(scene, "OPTIONS", "/update", "");
    add_header(scene, "Origin", "https://a.example");
    add_header(scene, "Access-Control-Request-Method", "POST");
    assert_int_equal(answer(scene), 204);
    assert_header(scene, "access-control-allow-origin: https://a.example\n");
    assert_header(scene, "access-control-allow-methods: POST, OPTIONS\n");
    assert_header(scene, "access-control-allow-headers: Content-Type, X-Api-User, X-Api-Key, Authorization\n");
    request(scene, "OPTIONS", "/update", "");
    add_header(scene, "Origin", "https://b.example");
    add_header(scene, "Access-Control-Request-Method", "POST");
    assert_int_equal(answer(scene), 204);
    assert_null(strstr(scene->exchange.answer_headers, "access-control"));
    assert_header(scene, "vary: Origin\n");

    static const char *const any[] = {"*"};
    scene->settings.cors_origins = any;
    reload(scene);
    request(scene, "GET", "/health", NULL);
    add_header(scene, "Origin", "https://b.example");
    assert_int_equal(answer(scene), 200);
    assert_header(scene, "access-control-allow-origin: *\n");
}

static void test_native_delegate(void **state)
{
    struct scene *scene = *state;
    char path[128];
    register_account(scene, "{\"allowfrom\":[\"192.0.0.0/24\"]}");
    update(scene, "/update", "{\"subdomain\":\"%s\",\"txt\":\"" VALUE "\"}");
    assert_int_equal(answer(scene), 200);
    (void)snprintf(path, sizeof path, "/api/v1/delegates/%s", scene->subdomain);
    update(scene, path, "")->method = "GET";
    assert_int_equal(answer(scene), 200);
    json_t *json = json_loads(scene->exchange.answer, 0, NULL);
    const json_t *value = json_array_get(json_object_get(json, "values"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "values")), 1);
    assert_string_equal(json_string_value(json_object_get(value, "value")), VALUE);
    assert_string_equal(json_string_value(json_object_get(value, "set_at")), "2023-11-14T22:13:20Z");
    assert_true(json_is_null(json_object_get(value, "expires_at")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "allowfrom"), 0)), "192.0.0.0/24");
    assert_string_equal(json_string_value(json_object_get(json, "created_at")), "2023-11-14T22:13:20Z");
    json_decref(json);

    update(scene, path, "")->method = "GET";
    scene->exchange.headers[1].value = "wrong";
    assert_answer(scene, 401, FORBIDDEN_NATIVE);
    update(scene, "/api/v1/delegates/8e5700ea-a4bf-41c7-8a77-e990661dcc6a", "")->method = "GET";
    assert_answer(scene, 401, FORBIDDEN_NATIVE); /* nothing tells whether it exists */
    fake_store.delegates[0].expires_at_s = FAKE_STORE_NOW_S + 1;
    update(scene, path, "")->method = "GET";
    assert_int_equal(answer(scene), 200);
    assert_non_null(strstr(scene->exchange.answer, "\"values\":[]")); /* their time is over */
    fake_store.delegates[0].deleted = true;
    update(scene, path, "")->method = "GET";
    assert_answer(scene, 404, "{\"error\":\"not_found\",\"detail\":\"there is no such thing\"}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_register),
        TEST(test_update),
        TEST(test_allowfrom),
        TEST(test_basic),
        TEST(test_methods_and_paths),
        TEST(test_health),
        TEST(test_tokens),
        TEST(test_internal_site),
        TEST(test_limits),
        TEST(test_trouble),
        TEST(test_answered_later),
        TEST(test_cors),
        TEST(test_native_delegate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
