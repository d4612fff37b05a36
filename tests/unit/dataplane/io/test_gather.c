/* When a worker sleeps instead of waiting for each query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/io/gather.h"

enum { MOST = 32 };

/* As if the last burst had been so long ago. */
static void receive_after(struct gather *gather, uint64_t ns, unsigned received)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    gather->last_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - ns;
    gather_received(gather, received, MOST);
}

static void make_dense(struct gather *gather)
{
    for (unsigned i = 0; i < GATHER_DENSE_MIN; i++) {
        assert_false(gather_wanted(gather));
        receive_after(gather, 0, MOST / 2); /* far denser than it takes, however slow this machine is */
    }
    assert_true(gather_wanted(gather));
}

static void test_dense_begins_sparse_ends(void **unused)
{
    struct gather gather;
    (void)unused;
    gather_begin(&gather, GATHER_US_DEFAULT);
    make_dense(&gather);
    for (unsigned i = 0; i < 10 * GATHER_SPARSE_MAX; i++) {
        gather_received(&gather, i % GATHER_SPARSE_MAX == 0 ? GATHER_WORTH : 0, MOST);
        assert_true(gather_wanted(&gather)); /* enough come now and then */
    }
    gather_received(&gather, GATHER_WORTH, MOST);
    for (unsigned i = 0; i < GATHER_SPARSE_MAX; i++) {
        assert_true(gather_wanted(&gather));
        gather_received(&gather, GATHER_WORTH - 1, MOST);
    }
    assert_false(gather_wanted(&gather));
    make_dense(&gather);
}

static void test_sparse_never_begins(void **unused)
{
    struct gather gather;
    (void)unused;
    gather_begin(&gather, GATHER_US_DEFAULT);
    for (unsigned i = 0; i < 10 * GATHER_DENSE_MIN; i++) {
        receive_after(&gather, 2 * GATHER_DENSE_NS, 1);
        gather_received(&gather, 0, MOST);
        assert_false(gather_wanted(&gather));
    }
    /* one that took long begins the count anew */
    for (unsigned i = 0; i < 10 * GATHER_DENSE_MIN; i++) {
        receive_after(&gather, i % (GATHER_DENSE_MIN / 2) == 0 ? 1000000000 : 0, MOST / 2);
        assert_false(gather_wanted(&gather));
    }
}

static void test_off(void **unused)
{
    struct gather gather;
    (void)unused;
    gather_begin(&gather, 0);
    for (unsigned i = 0; i < 10 * GATHER_DENSE_MIN; i++) {
        receive_after(&gather, 0, MOST);
        assert_false(gather_wanted(&gather));
    }
}

static void test_full_bursts_do_not_sleep(void **unused)
{
    struct gather gather;
    struct timespec begin, end;
    (void)unused;
    gather_begin(&gather, GATHER_US_MAX);
    make_dense(&gather);
    gather_received(&gather, MOST, MOST);
    assert_true(gather.full);
    gather_received(&gather, MOST - 1, MOST);
    assert_false(gather.full);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    gather_sleep(&gather);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec >= GATHER_US_MAX * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_begins_sparse_ends),
        cmocka_unit_test(test_sparse_never_begins),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_full_bursts_do_not_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
