/* The operator's token is found in its file as the daemon would find it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/txtctl/operator_token.h"

/* Reads a file of that text. */
static int read_text(const char *text, char token[OPERATOR_TOKEN_MAX + 1], struct error_detail *detail)
{
    char path[] = "/tmp/txtctl-test.XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    (void)close(file);
    int result = operator_token_read(path, token, detail);
    (void)unlink(path);
    return result;
}

static void test_found(void **state)
{
    static const char *const texts[] = {
        "0123456789abcdef",
        "0123456789abcdef\r\n",
        "# ours\n\n \t0123456789abcdef # since May\nfedcba9876543210\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char token[OPERATOR_TOKEN_MAX + 1];
        struct error_detail detail = {""};
        assert_int_equal(read_text(texts[i], token, &detail), 0);
        assert_string_equal(token, "0123456789abcdef");
    }
}

static void test_length(void **state)
{
    char text[OPERATOR_TOKEN_MAX + 2], token[OPERATOR_TOKEN_MAX + 1];
    struct error_detail detail = {""};
    (void)state;
    memset(text, 'x', sizeof text);
    text[OPERATOR_TOKEN_MAX] = '\0';
    assert_int_equal(read_text(text, token, &detail), 0);
    assert_string_equal(token, text);
    text[OPERATOR_TOKEN_MAX] = 'x';
    text[OPERATOR_TOKEN_MAX + 1] = '\0';
    assert_int_equal(read_text(text, token, &detail), TXTD_EINVAL);
}

static void test_none(void **state)
{
    char token[OPERATOR_TOKEN_MAX + 1];
    struct error_detail detail = {""};
    (void)state;
    assert_int_equal(read_text("", token, &detail), TXTD_EINVAL);
    assert_int_equal(read_text("\n# nothing\n", token, &detail), TXTD_EINVAL);
    assert_int_equal(operator_token_read(NULL, token, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "--token-file"));
    assert_int_equal(operator_token_read("/nonexistent/token", token, &detail), TXTD_ESYS);
    assert_non_null(strstr(detail.text, "/nonexistent/token"));
    assert_int_equal(operator_token_read("/tmp", token, &detail), TXTD_ESYS); /* opens, but cannot be read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
