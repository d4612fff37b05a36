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

/* Costs as much CPU time, whatever else the machine does. */
static void work(unsigned us)
{
    struct timespec begin, now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do {
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < (long)us);
}

/* Receives `queries` in bursts that cost so much. */
static void receive_costly(struct gather *gather, unsigned queries, unsigned us)
{
    for (unsigned i = 0; i < queries; i += MOST / 2) {
        work(us);
        gather_received(gather, MOST / 2, MOST);
    }
}

static void make_dense(struct gather *gather)
{
    for (unsigned i = 0; i < GATHER_DENSE_MIN; i++) {
        assert_int_equal(gather->phase, GATHER_SPARSE);
        assert_false(gather_wanted(gather));
        receive_after(gather, 0, MOST / 2); /* far denser than it takes, however slow this machine is */
    }
    assert_int_equal(gather->phase, GATHER_TRY_WAITING);
    assert_false(gather_wanted(gather));
}

/* Both are tried, `waiting` and `sleeping` being what a burst costs. */
static void try_both(struct gather *gather, unsigned waiting_us, unsigned sleeping_us)
{
    receive_costly(gather, GATHER_TRIAL, waiting_us);
    assert_int_equal(gather->phase, GATHER_TRY_SLEEPING);
    assert_true(gather_wanted(gather));
    receive_costly(gather, GATHER_TRIAL, sleeping_us);
    assert_int_equal(gather->phase, GATHER_KEPT);
}

static void test_what_costs_less_is_kept_for_a_while(void **unused)
{
    static const struct {
        unsigned waiting_us, sleeping_us;
        bool sleeps;
    } rows[] = {{40, 20, true}, {20, 40, false}, {40, 39, false}, {40, 20, true}};
    struct gather gather;
    (void)unused;
    gather_begin(&gather, GATHER_US_DEFAULT);
    make_dense(&gather);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        try_both(&gather, rows[i].waiting_us, rows[i].sleeping_us);
        assert_int_equal(gather_wanted(&gather), rows[i].sleeps);
        receive_costly(&gather, GATHER_KEEP - MOST, 0);
        assert_int_equal(gather.phase, GATHER_KEPT);
        assert_int_equal(gather_wanted(&gather), rows[i].sleeps);
        receive_costly(&gather, MOST, 0);
        assert_int_equal(gather.phase, GATHER_TRY_WAITING);
        assert_false(gather_wanted(&gather));
    }
}

static void test_dense_begins_sparse_ends(void **unused)
{
    struct gather gather;
    (void)unused;
    gather_begin(&gather, GATHER_US_DEFAULT);
    make_dense(&gather);
    receive_costly(&gather, GATHER_TRIAL, 0);
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
        cmocka_unit_test(test_what_costs_less_is_kept_for_a_while),
        cmocka_unit_test(test_dense_begins_sparse_ends),
        cmocka_unit_test(test_sparse_never_begins),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_full_bursts_do_not_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
