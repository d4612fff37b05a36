/* Cutting a zone file into records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/zone_text.h"

struct row {
    const char *text;
    const char *records[5]; /* as they come out */
    unsigned lines[5];
    const char *error; /* part of the detail with which it ends, or NULL */
    unsigned error_line;
};

static const struct row rows[] = {
    {.text = ""},
    {.text = "\n \n\t\n; only a comment\n  ; another"},
    {.text = "\xef\xbb\xbf"
             "a A 192.0.2.1",
     .records = {"a A 192.0.2.1"},
     .lines = {1}},
    {.text = "a A 192.0.2.1", .records = {"a A 192.0.2.1"}, .lines = {1}},
    {.text = "a\t A  192.0.2.1 ; c\r\n\n  AAAA ::1\n", .records = {"a A 192.0.2.1", " AAAA ::1"}, .lines = {1, 3}},
    {.text = "; c\n\n@ SOA a b ( 1 ; (\n 2\n3) 4 5\nx NS y",
     .records = {"@ SOA a b 1 2 3 4 5", "x NS y"},
     .lines = {3, 6}},
    {.text = "a TXT (\"x\"\n\"y\")", .records = {"a TXT \"x\" \"y\""}, .lines = {1}},
    {.text = "a TXT ((x)\ny) z", .records = {"a TXT x y z"}, .lines = {1}},
    {.text = "a TXT \"; ( ) \\\" \\\\\" ; c", .records = {"a TXT \"; ( ) \\\" \\\\\""}, .lines = {1}},
    {.text = "a TXT \\; \\( \\\" x\\032y", .records = {"a TXT \\; \\( \\\" x\\032y"}, .lines = {1}},
    {.text = "$TTL 5 ; c\n $TTL 5\n", .records = {"$TTL 5", " $TTL 5"}, .lines = {1, 2}},
    {.text = "ok A 1\na TXT \"x\ny\"", .records = {"ok A 1"}, .lines = {1}, .error = "closing quote", .error_line = 2},
    {.text = "a TXT \"x", .error = "closing quote", .error_line = 1},
    {.text = "a TXT \"x\\\"", .error = "closing quote", .error_line = 1},
    {.text = "\na TXT ( x\n\nb A 1\n", .error = "'('", .error_line = 2},
    {.text = "a A 1 )", .error = "')'", .error_line = 1},
    {.text = "a TXT x\\", .error = "backslash", .error_line = 1},
    {.text = "a TXT x\\\ny", .error = "backslash", .error_line = 1},
};

static void run_row(const struct row *row, const char *text, size_t len)
{
    char *record = malloc(ZONE_TEXT_RECORD_MAX);
    struct zone_text walk = {.text = text, .len = len};
    struct error_detail detail = {.text = ""};
    unsigned line = 0;
    assert_non_null(record);
    for (unsigned i = 0; row->records[i] != NULL; i++) {
        assert_int_equal(zone_text_next(&walk, record, &line, &detail), 1);
        assert_string_equal(record, row->records[i]);
        assert_int_equal(line, row->lines[i]);
    }
    int result = zone_text_next(&walk, record, &line, &detail);
    if (row->error == NULL) {
        assert_int_equal(result, 0);
    } else {
        assert_int_equal(result, TXTD_EINVAL);
        assert_int_equal(line, row->error_line);
        assert_non_null(strstr(detail.text, row->error));
    }
    free(record);
}

/* The text is copied to the exact length, so that a step over its end is seen by AddressSanitizer. */
static void test_rows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].text);
        char *text = malloc(len + (len == 0));
        assert_non_null(text);
        memcpy(text, rows[i].text, len);
        run_row(&rows[i], text, len);
        free(text);
    }
}

static void test_nul_is_refused(void **state)
{
    (void)state;
    static const struct row nul = {.error = "NUL", .error_line = 2};
    static const struct row in_string = {.error = "closing quote", .error_line = 1};
    static const char text[] = "\na T\0XT x";
    static const char string[] = "a TXT \"x\0y\"";
    run_row(&nul, text, sizeof text - 1);
    run_row(&in_string, string, sizeof string - 1);
}

/* The longest record fits, one more character does not, inside a string or outside. */
static void test_record_length_is_bounded(void **state)
{
    (void)state;
    static const char quotes[] = {'x', '"'};
    char *text = malloc(ZONE_TEXT_RECORD_MAX), *record = malloc(ZONE_TEXT_RECORD_MAX);
    assert_true(text != NULL && record != NULL);
    for (unsigned i = 0; i < sizeof quotes; i++) {
        struct zone_text fits = {.text = text, .len = ZONE_TEXT_RECORD_MAX - 1};
        struct zone_text too_long = {.text = text, .len = ZONE_TEXT_RECORD_MAX};
        struct error_detail detail;
        unsigned line;
        memset(text, 'x', ZONE_TEXT_RECORD_MAX);
        text[0] = quotes[i];
        text[ZONE_TEXT_RECORD_MAX - 2] = quotes[i];
        assert_int_equal(zone_text_next(&fits, record, &line, &detail), 1);
        assert_int_equal(strlen(record), ZONE_TEXT_RECORD_MAX - 1);
        assert_int_equal(zone_text_next(&too_long, record, &line, &detail), TXTD_EINVAL);
        assert_non_null(strstr(detail.text, "characters"));
    }
    free(text);
    free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_record_length_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
