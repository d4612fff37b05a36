/* The probe's message and what answers it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/health_query.h"

static void test_build(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 2, 'b', 'c', 0, 0, 6, 0, 1};
    uint8_t query[HEALTH_QUERY_MAX];
    assert_int_equal(health_query_build("a.bc", 0x1234, query), sizeof expected);
    assert_memory_equal(query, expected, sizeof expected);
    assert_int_equal(health_query_build("a..bc", 1, query), TXTD_EINVAL);
}

static void test_answered(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags[2];
        bool answered;
    } rows[] = {
        {{0x84, 0x00}, true},  /* QR AA NOERROR */
        {{0x04, 0x00}, false}, /* no QR */
        {{0x80, 0x00}, false}, /* not authoritative: not ours, or no zone loaded */
        {{0x80, 0x05}, false}, /* REFUSED */
        {{0x84, 0x02}, false}, /* SERVFAIL */
        {{0x84, 0x03}, false}, /* NXDOMAIN */
        {{0x82, 0x00}, true},  /* TC: limited, but there */
    };
    uint8_t query[HEALTH_QUERY_MAX];
    int len = health_query_build("a.bc", 0x1234, query);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t answer[HEALTH_QUERY_MAX];
        memcpy(answer, query, (size_t)len);
        memcpy(answer + 2, rows[i].flags, 2);
        assert_int_equal(health_query_answered(query, answer, (size_t)len), rows[i].answered);
        answer[1] ^= 1;
        assert_false(health_query_answered(query, answer, (size_t)len));
        answer[1] ^= 1;
        assert_false(health_query_answered(query, answer, 11));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_build), cmocka_unit_test(test_answered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
