/* How descriptors are divided between DNS and API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "control/file_limit.h"

static void test_enough(void **state)
{
    (void)state;
    struct file_limit files;
    file_limit_divide(10000, 4096, 1u << 20, &files);
    assert_int_equal(files.dns_connections_max, 10000);
    assert_int_equal(files.api_connections_max, 4096);
    assert_true(files.wanted >= 10000 + 3 * 4096 + 1024); /* RocksDB's own 1024 are in it */
    file_limit_divide(10000, 4096, files.wanted, &files);
    assert_int_equal(files.dns_connections_max, 10000);
    assert_int_equal(files.api_connections_max, 4096);
}

static void test_too_few(void **state)
{
    (void)state;
    static const uint64_t limits[] = {2000, 4096, 20000, 23567};
    struct file_limit files;
    for (unsigned i = 0; i < 4; i++) {
        file_limit_divide(10000, 4096, limits[i], &files);
        assert_in_range(files.dns_connections_max, 300, 10000);
        assert_in_range(files.api_connections_max, 50, 4096);
        assert_true(files.dns_connections_max + 3 * (uint64_t)files.api_connections_max + 1024 < limits[i]);
    }
    file_limit_divide(10000, 4096, 20000, &files); /* enough for DNS */
    assert_int_equal(files.dns_connections_max, 10000);
    assert_in_range(files.api_connections_max, 2800, 3000);
    file_limit_divide(10, 4096, 2880, &files); /* what DNS does not want is the API's */
    assert_in_range(files.api_connections_max, 500, 540);
    file_limit_divide(10000, 4, 2880, &files); /* and the other way round */
    assert_in_range(files.dns_connections_max, 1500, 1590);
    file_limit_divide(10000, 4096, 0, &files);
    assert_int_equal(files.dns_connections_max, 16);
    assert_int_equal(files.api_connections_max, 16);
    file_limit_divide(1, 2, 0, &files);
    assert_int_equal(files.dns_connections_max, 1);
    assert_int_equal(files.api_connections_max, 2);
}

static void test_raises_the_soft_limit(void **state)
{
    (void)state;
    struct rlimit before, after;
    struct file_limit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = {64, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    file_limit_fit(100, 10, &files);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(after.rlim_cur, files.limit == UINT64_MAX ? 64 : files.limit);
    assert_true(after.rlim_cur >= files.wanted || after.rlim_cur == after.rlim_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough),
        cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_raises_the_soft_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
