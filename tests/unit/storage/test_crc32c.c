/* The examples of RFC 3720 appendix B.4, and the one every list of checksums has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "storage/crc32c.h"

static void the_examples_come_out(void **state)
{
    (void)state;
    uint8_t octets[32] = {0};
    assert_int_equal(crc32c(0, octets, sizeof octets), 0x8a9136aa);
    memset(octets, 0xff, sizeof octets);
    assert_int_equal(crc32c(0, octets, sizeof octets), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof octets; i++) {
        octets[i] = i;
    }
    assert_int_equal(crc32c(0, octets, sizeof octets), 0x46dd794e);
    assert_int_equal(crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, octets, 0), 0);
}

static void it_goes_on_from_where_it_was(void **state)
{
    (void)state;
    const uint8_t *text = (const uint8_t *)"123456789";
    for (size_t at = 0; at <= 9; at++) {
        assert_int_equal(crc32c(crc32c(0, text, at), text + at, 9 - at), 0xe3069283);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_come_out),
        cmocka_unit_test(it_goes_on_from_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
