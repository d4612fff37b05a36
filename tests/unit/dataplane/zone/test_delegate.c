#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dataplane/zone/delegate.h"

static const char canonical[] = "00112233-4455-6677-8899-aabbccddeeff";

static void parse_reads_both_cases(void **state)
{
    (void)state;
    const char upper[] = "00112233-4455-6677-8899-AABBCCDDEEFF";
    static const uint8_t octets[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                       0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    struct delegate_id id;
    assert_int_equal(delegate_id_parse(canonical, 36, &id), 0);
    assert_memory_equal(id.octets, octets, 16);
    memset(&id, 0, sizeof id);
    assert_int_equal(delegate_id_parse(upper, 36, &id), 0);
    assert_memory_equal(id.octets, octets, 16);
}

static void format_is_lower_case_and_round_trips(void **state)
{
    (void)state;
    struct delegate_id id;
    char text[DELEGATE_ID_TEXT_LEN + 1];
    assert_int_equal(delegate_id_parse(canonical, 36, &id), 0);
    delegate_id_format(&id, text);
    assert_string_equal(text, canonical);
}

static void parse_refuses_other_lengths(void **state)
{
    (void)state;
    struct delegate_id id;
    const char no_hyphens[] = "00112233445566778899aabbccddeeff";
    assert_int_equal(delegate_id_parse(canonical, 35, &id), TXTD_EINVAL);
    assert_int_equal(delegate_id_parse("00112233-4455-6677-8899-aabbccddeeff0", 37, &id), TXTD_EINVAL);
    assert_int_equal(delegate_id_parse(no_hyphens, strlen(no_hyphens), &id), TXTD_EINVAL);
    assert_int_equal(delegate_id_parse("", 0, &id), TXTD_EINVAL);
}

/* Every octet at every position is accepted exactly when it is a hexadecimal digit, or a hyphen where one belongs; a
 * refused text leaves the id alone. */
static void parse_checks_every_position(void **state)
{
    (void)state;
    for (size_t position = 0; position < DELEGATE_ID_TEXT_LEN; position++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            char text[DELEGATE_ID_TEXT_LEN];
            memcpy(text, canonical, sizeof text);
            text[position] = (char)octet;
            bool hyphen = position == 8 || position == 13 || position == 18 || position == 23;
            bool digit =
                (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'f') || (octet >= 'A' && octet <= 'F');
            struct delegate_id id;
            struct delegate_id before;
            memset(&id, 0x5a, sizeof id);
            before = id;
            int rc = delegate_id_parse(text, sizeof text, &id);
            if (hyphen ? octet == '-' : digit) {
                assert_int_equal(rc, 0);
            } else {
                assert_int_equal(rc, TXTD_EINVAL);
                assert_memory_equal(&id, &before, sizeof id);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_reads_both_cases),
        cmocka_unit_test(format_is_lower_case_and_round_trips),
        cmocka_unit_test(parse_refuses_other_lengths),
        cmocka_unit_test(parse_checks_every_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
