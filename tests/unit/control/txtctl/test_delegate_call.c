/* What txtctl makes of a user's words before they stand in a URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/txtctl/delegate_call.h"
#include "dataplane/error.h"

static void test_encode(void **state)
{
    static const struct {
        const char *text, *encoded;
    } rows[] = {
        {"", "/x/"},
        {"aZ09-._~", "/x/aZ09-._~"}, /* RFC 3986 section 2.3 */
        {"a b+c", "/x/a%20b%2Bc"},
        {"../?#%", "/x/..%2F%3F%23%25"},
        {"\xc3\xa4\r\n", "/x/%C3%A4%0D%0A"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char into[64];
        assert_int_equal(delegate_call_encode("/x/", rows[i].text, into, sizeof into), 0);
        assert_string_equal(into, rows[i].encoded);
    }
}

/* Whatever the room is: it fits with its NUL, or says that it does not and writes nothing behind. */
static void test_room(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity < 24; capacity++) {
        char into[32];
        memset(into, '!', sizeof into);
        int result = delegate_call_encode("/x/", "abc %", into, capacity);
        for (size_t i = capacity; i < sizeof into; i++) {
            assert_int_equal(into[i], '!');
        }
        if (result == 0) {
            assert_string_equal(into, "/x/abc%20%25");
        } else {
            assert_int_equal(result, TXTD_EFULL);
        }
        assert_true(result == 0 || capacity < sizeof "/x/abc%20%25");
        assert_true(result != 0 || capacity >= sizeof "/x/abc%20%25");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
