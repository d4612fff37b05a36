/* Which bursts are measured, and where they are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dataplane/io/latency.h"

static void test_buckets(void **unused)
{
    static const struct {
        uint64_t ns;
        unsigned bucket;
    } rows[] = {
        {0, 0},    {1, 0},    {1000, 0},     {1001, 1},     {2000, 1},      {2001, 2},      {4000, 2},
        {4001, 3}, {8000, 3}, {1024000, 10}, {1024001, 11}, {16384000, 14}, {16384001, 15}, {UINT64_MAX, 15},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(latency_bucket(rows[i].ns), rows[i].bucket);
    }
}

static void test_one_burst_of_many(void **unused)
{
    struct respond_worker worker;
    unsigned measured = 0;
    (void)unused;
    memset(&worker, 0, sizeof worker);
    for (unsigned i = 0; i < 10 * LATENCY_EVERY; i++) {
        uint64_t begin_ns = latency_begin(&worker);
        measured += begin_ns != 0;
        latency_end(&worker, TRANSPORT_XDP, begin_ns, 3);
    }
    assert_int_equal(measured, 10);
    uint64_t counted = 0;
    for (unsigned i = 0; i < RESPOND_LATENCY_BUCKETS; i++) {
        counted += worker.counters.latency[TRANSPORT_XDP][i];
        assert_int_equal(worker.counters.latency[TRANSPORT_UDP][i], 0);
    }
    assert_int_equal(counted, 30);
    assert_true(worker.counters.latency_ns[TRANSPORT_XDP] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets), cmocka_unit_test(test_one_burst_of_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
