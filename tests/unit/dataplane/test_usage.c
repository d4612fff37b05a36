/* What workers note, and who takes it out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dataplane/usage.h"

struct sums {
    uint64_t count, sum;
    uint16_t zone;
};

static void add(void *context, const struct usage_note *note)
{
    struct sums *sums = context;
    sums->count++;
    sums->sum += note->id.octets[0];
    sums->zone = note->zone;
}

static void test_full_ring_loses(void **unused)
{
    (void)unused;
    struct usage_rings *rings = usage_rings_new();
    struct usage_ring *ring = usage_rings_add(rings);
    const struct delegate_id id = {{1}};
    for (unsigned round = 0; round < 3; round++) {
        struct sums sums = {0, 0, 0};
        for (unsigned i = 0; i < USAGE_RING_LEN + 5; i++) {
            usage_ring_note(ring, 7, &id);
        }
        assert_int_equal(usage_rings_take(rings, add, &sums), USAGE_RING_LEN);
        assert_int_equal(sums.count, USAGE_RING_LEN);
        assert_int_equal(sums.sum, USAGE_RING_LEN);
        assert_int_equal(sums.zone, 7);
        assert_int_equal(usage_rings_lost(rings), 5 * (round + 1));
        assert_int_equal(usage_rings_take(rings, add, &sums), 0);
    }
    usage_ring_note(NULL, 7, &id); /* a worker that nobody gave a ring */
    usage_rings_free(rings);
}

static void test_no_more_rings_than_that(void **unused)
{
    (void)unused;
    struct usage_rings *rings = usage_rings_new();
    for (unsigned i = 0; i < USAGE_RINGS_MAX; i++) {
        assert_non_null(usage_rings_add(rings));
    }
    assert_null(usage_rings_add(rings));
    usage_rings_free(rings);
    usage_rings_free(NULL);
}

struct writer {
    struct usage_ring *ring;
    uint64_t notes;
    bool done; /* atomic */
};

static void *write_notes(void *argument)
{
    struct writer *writer = argument;
    for (uint64_t i = 0; i < writer->notes; i++) {
        const struct delegate_id id = {{(uint8_t)i}};
        usage_ring_note(writer->ring, 1, &id);
    }
    __atomic_store_n(&writer->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void test_one_writes_while_another_takes(void **unused)
{
    (void)unused;
    struct usage_rings *rings = usage_rings_new();
    struct writer writer = {usage_rings_add(rings), 300000, false};
    struct sums sums = {0, 0, 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_notes, &writer), 0);
    while (!__atomic_load_n(&writer.done, __ATOMIC_ACQUIRE)) {
        (void)usage_rings_take(rings, add, &sums);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)usage_rings_take(rings, add, &sums);
    assert_int_equal(sums.count + usage_rings_lost(rings), writer.notes);
    usage_rings_free(rings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_ring_loses),
        cmocka_unit_test(test_no_more_rings_than_that),
        cmocka_unit_test(test_one_writes_while_another_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
