/* When a worker sleeps instead of waiting for each query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/io/gather.h"

#define SECOND_NS 1000000000u

enum { MOST = 32 };

/* --- The C library's: clocks that this test moves, and sleeps that it counts --- */

static uint64_t time_ns = SECOND_NS; /* CLOCK_MONOTONIC */
static uint64_t cpu_ns;              /* CLOCK_THREAD_CPUTIME_ID */
static unsigned sleeps;
static long slept_ns; /* the last one */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const uint64_t ns = clock == CLOCK_THREAD_CPUTIME_ID ? cpu_ns : time_ns;
    *now = (struct timespec){.tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS)};
    return 0;
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    (void)left;
    sleeps++;
    slept_ns = wanted->tv_nsec;
    return 0;
}

/* --- Tests --- */

static void receive_after(struct gather *gather, uint64_t ns, unsigned received)
{
    time_ns += ns;
    gather_received(gather, received, MOST);
}

/* Receives `queries` in bursts that cost so much. */
static void receive_costly(struct gather *gather, unsigned queries, unsigned ns)
{
    for (unsigned i = 0; i < queries; i += MOST / 2) {
        cpu_ns += ns;
        gather_received(gather, MOST / 2, MOST);
    }
}

static void make_dense(struct gather *gather)
{
    receive_after(gather, SECOND_NS, MOST / 2); /* the first of the row, itself not dense */
    for (unsigned i = 0; i < GATHER_DENSE_MIN; i++) {
        assert_int_equal(gather->phase, GATHER_SPARSE);
        assert_false(gather_wanted(gather));
        receive_after(gather, MOST / 2 * GATHER_DENSE_NS - 1, MOST / 2); /* just dense enough */
    }
    assert_int_equal(gather->phase, GATHER_TRY_WAITING);
    assert_false(gather_wanted(gather));
}

/* Both are tried, `waiting` and `sleeping` being what a burst costs. */
static void try_both(struct gather *gather, unsigned waiting_ns, unsigned sleeping_ns)
{
    receive_costly(gather, GATHER_TRIAL, waiting_ns);
    assert_int_equal(gather->phase, GATHER_TRY_SLEEPING);
    assert_true(gather_wanted(gather));
    receive_costly(gather, GATHER_TRIAL, sleeping_ns);
    assert_int_equal(gather->phase, GATHER_KEPT);
}

static void test_what_costs_less_is_kept_for_a_while(void **unused)
{
    static const struct {
        unsigned waiting_ns, sleeping_ns;
        bool sleeps;
    } rows[] = {{40000, 20000, true},
                {20000, 40000, false},
                {40000, 40000, false},
                /* It has to save more than one part in GATHER_GAIN. */
                {16000, 14999, true},
                {16000, 15000, false},
                {40000, 20000, true}};
    struct gather gather;
    (void)unused;
    gather_begin(&gather, GATHER_US_DEFAULT);
    make_dense(&gather);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        try_both(&gather, rows[i].waiting_ns, rows[i].sleeping_ns);
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
        receive_after(&gather, GATHER_DENSE_NS, 1);
        gather_received(&gather, 0, MOST);
        assert_false(gather_wanted(&gather));
    }
    /* one that took long begins the count anew */
    for (unsigned i = 0; i < 10 * GATHER_DENSE_MIN; i++) {
        receive_after(&gather, i % (GATHER_DENSE_MIN / 2) == 0 ? SECOND_NS : 0, MOST / 2);
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
    (void)unused;
    sleeps = 0;
    gather_begin(&gather, GATHER_US_MAX);
    make_dense(&gather);
    gather_received(&gather, MOST, MOST);
    gather_sleep(&gather);
    assert_int_equal(sleeps, 0);
    gather_received(&gather, MOST - 1, MOST);
    gather_sleep(&gather);
    assert_int_equal(sleeps, 1);
    assert_int_equal(slept_ns, GATHER_US_MAX * 1000);
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
