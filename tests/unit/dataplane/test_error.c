/* What an operator is told is UTF-8, wherever it was cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/error.h"

static void texts_end_with_a_whole_character(void **state)
{
    (void)state;
    struct error_detail detail;
    char text[1024] = "";
    for (size_t before = 0; before < 5; before++) {
        memset(text, 'x', before);
        text[before] = '\0';
        while (strlen(text) + 3 < sizeof text) {
            strcat(text, "\xe2\x82\xac");
        }
        assert_int_equal(error_describe(&detail, TXTD_EIO, "%s", text), TXTD_EIO);
        size_t len = strlen(detail.text);
        assert_true(len > sizeof detail.text - 4);
        assert_int_equal((len - before) % 3, 0);
        assert_memory_equal(detail.text, text, len);
        (void)error_describe(&detail, TXTD_EIO, "%.20s.", text);
        len = before + (20 - before) / 3 * 3;
        assert_memory_equal(detail.text, text, len);
        assert_string_equal(detail.text + len, ".");
    }
}

static void what_is_no_character_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *given, *kept;
    } rows[] = {
        {"", ""},
        {"plain text\t\x7f", "plain text\t\x7f"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xc3", "a"},
        {"a\xc3z", "az"},
        {"\xa9"
         "b",
         "b"},
        {"\xc0\xaf"
         "b",
         "b"}, /* overlong */
        {"\xe0\x80\xaf"
         "b",
         "b"},
        {"\xed\xa0\x80"
         "b",
         "b"}, /* a surrogate */
        {"\xf4\x90\x80\x80"
         "b",
         "b"}, /* beyond U+10FFFF */
        {"\xf0\x9f\x98"
         "b",
         "b"},
        {"\xff\xfe"
         "b",
         "b"},
    };
    struct error_detail detail;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)error_describe(&detail, TXTD_EIO, "%s", rows[i].given);
        assert_string_equal(detail.text, rows[i].kept);
    }
    assert_int_equal(error_describe(NULL, TXTD_EIO, "x"), TXTD_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_end_with_a_whole_character),
        cmocka_unit_test(what_is_no_character_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
