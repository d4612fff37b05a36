/* Paths cut into segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/api_path.h"

static struct api_path cut(const char *text)
{
    struct api_path path;
    assert_int_equal(api_path_cut((struct http_text){text, strlen(text)}, &path), 0);
    return path;
}

static void test_one_segment(void **state)
{
    (void)state;
    static const char *const same[] = {"/update", "//update", "/update/", "///update//", "update"};
    static const char *const other[] = {"",        "/",         "/updat",    "/update2",
                                        "/Update", "/x/update", "/update/x", "/%75pdate"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct api_path path = cut(same[i]);
        assert_true(api_path_ends(&path, "update"));
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        struct api_path path = cut(other[i]);
        assert_false(api_path_ends(&path, "update"));
    }
}

static void test_walk(void **state)
{
    (void)state;
    struct api_path path = cut("/api//v1/t/token/register/");
    assert_false(api_path_take(&path, "v1"));
    assert_true(api_path_take(&path, "api"));
    assert_true(api_path_take(&path, "v1"));
    assert_int_equal(api_path_left(&path), 3);
    assert_true(api_path_take(&path, "t"));
    struct http_text token = api_path_take_any(&path);
    assert_true(http_text_is(token, "token"));
    assert_true(api_path_ends(&path, "register"));
    (void)api_path_take_any(&path);
    assert_int_equal(api_path_left(&path), 0);
    assert_null(api_path_take_any(&path).data);
    assert_false(api_path_take(&path, "register"));
    assert_false(api_path_ends(&path, "register"));
}

static void test_absolute_form(void **state)
{
    (void)state;
    static const char *const targets[] = {"http://h/update", "https://h:443//update/", "HTTPS://[::1]:8443/update"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct api_path path = cut(targets[i]);
        assert_true(api_path_ends(&path, "update"));
    }
    struct api_path path = cut("https://update");
    assert_int_equal(api_path_left(&path), 0);
    path = cut("/https://h/update");
    assert_int_equal(api_path_left(&path), 3);
}

static void test_too_many(void **state)
{
    (void)state;
    struct api_path path = cut("/1/2/3/4/5/6/7/8/");
    assert_int_equal(api_path_left(&path), API_PATH_SEGMENTS_MAX);
    assert_int_equal(api_path_cut((struct http_text){"/1/2/3/4/5/6/7/8/9", 18}, &path), TXTD_EINVAL);
    assert_int_equal(api_path_cut((struct http_text){NULL, 0}, &path), 0);
    assert_int_equal(api_path_left(&path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_segment), cmocka_unit_test(test_walk),
                                       cmocka_unit_test(test_absolute_form), cmocka_unit_test(test_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
