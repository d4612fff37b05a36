/* openapi.json against the routes that there are: neither may have one that the other lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/native_api.h"
#include "control/openapi.h"

#define NATIVE "/api/v1/"

static json_t *load_paths(json_t **document)
{
    size_t len;
    json_error_t error;
    const char *text = openapi_document(&len);
    *document = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (*document == NULL) {
        fail_msg("openapi.json:%d: %s", error.line, error.text);
    }
    return json_object_get(*document, "paths");
}

static void test_every_route_is_described(void **unused)
{
    (void)unused;
    json_t *document;
    const json_t *paths = load_paths(&document);
    size_t count;
    const struct native_route *routes = native_api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        char path[128], method[8];
        (void)snprintf(path, sizeof path, NATIVE "%s", routes[i].path);
        (void)snprintf(method, sizeof method, "%s", routes[i].method);
        for (char *c = method; *c != '\0'; c++) {
            *c = (char)(*c + ('a' - 'A'));
        }
        if (!json_is_object(json_object_get(json_object_get(paths, path), method))) {
            fail_msg("%s %s is not described", routes[i].method, path);
        }
    }
    json_decref(document);
}

static int is_routed(const char *method, const char *path)
{
    size_t count;
    const struct native_route *routes = native_api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, path + strlen(NATIVE)) == 0 && strcasecmp(routes[i].method, method) == 0) {
            return 1;
        }
    }
    return 0;
}

static void test_nothing_else_is_described(void **unused)
{
    (void)unused;
    json_t *document, *operations, *operation;
    const char *path, *method;
    json_t *paths = load_paths(&document);
    unsigned seen = 0;
    json_object_foreach(paths, path, operations)
    {
        json_object_foreach(operations, method, operation)
        {
            if (strncmp(path, NATIVE, strlen(NATIVE)) == 0 && strcmp(method, "parameters") != 0) {
                assert_true(is_routed(method, path));
                seen++;
            }
        }
    }
    size_t count;
    (void)native_api_routes(&count);
    assert_int_equal(seen, count);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_described),
        cmocka_unit_test(test_nothing_else_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
