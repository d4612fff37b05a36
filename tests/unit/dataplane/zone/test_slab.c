#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/zone/slab.h"

static void every_length_has_the_smallest_class_with_room(void **state)
{
    (void)state;
    for (size_t len = 1; len <= SLAB_OBJECT_MAX; len++) {
        unsigned size_class = slab_class_of(len);
        assert_in_range(size_class, 0, SLAB_CLASSES - 1);
        assert_true(slab_class_len(size_class) >= len);
        if (size_class > 0) {
            assert_true(slab_class_len(size_class - 1) < len);
            assert_int_equal(slab_class_len(size_class) % 16, 0);
        }
    }
    assert_int_equal(slab_class_of(SLAB_OBJECT_MAX + 1), SLAB_CLASSES);
    assert_int_equal(slab_class_len(0), 24);
}

static void objects_do_not_overlap(void **state)
{
    (void)state;
    enum { OBJECTS = 2000 };
    static const size_t lens[] = {24, 100, 144, 513, 5000};
    struct slab slab;
    slab_init(&slab);
    static uint8_t *objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        size_t len = lens[i % 5];
        objects[i] = slab_alloc(&slab, slab_class_of(len));
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % (len == 24 ? 8 : 16), 0);
        memset(objects[i], (int)(i % 251), len);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        for (size_t j = 0; j < lens[i % 5]; j++) {
            assert_int_equal(objects[i][j], i % 251);
        }
    }
    slab_release(&slab);
}

static void freed_objects_are_used_again(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab);
    void *keep = slab_alloc(&slab, 0);
    void *first = slab_alloc(&slab, 0);
    slab_free(&slab, first);
    assert_ptr_equal(slab_alloc(&slab, 0), first);
    assert_int_equal(slab_bytes(&slab), SLAB_CHUNK_LEN);
    slab_free(&slab, first);
    slab_free(&slab, keep);
    slab_release(&slab);
    assert_int_equal(slab_bytes(&slab), 0);
}

/* A wave of values must not hold memory for ever: chunks without objects are given back or serve another class. */
static void empty_chunks_are_given_back(void **state)
{
    (void)state;
    enum { OBJECTS = 20 * SLAB_CHUNK_LEN / 4096 };
    struct slab slab;
    slab_init(&slab);
    static void *objects[OBJECTS];
    unsigned size_class = slab_class_of(4096);
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = slab_alloc(&slab, size_class);
        assert_non_null(objects[i]);
    }
    assert_true(slab_bytes(&slab) >= 20 * SLAB_CHUNK_LEN);
    for (unsigned i = 0; i < OBJECTS; i++) {
        slab_free(&slab, objects[(i * 7919u) % OBJECTS]);
    }
    assert_int_equal(slab_bytes(&slab), SLAB_SPARE_CHUNKS * SLAB_CHUNK_LEN);
    void *other = slab_alloc(&slab, 0);
    assert_int_equal(slab_bytes(&slab), SLAB_SPARE_CHUNKS * SLAB_CHUNK_LEN);
    slab_free(&slab, other);
    slab_release(&slab);
}

static void merged_objects_can_be_freed(void **state)
{
    (void)state;
    struct slab into;
    struct slab from;
    slab_init(&into);
    slab_init(&from);
    void *a = slab_alloc(&into, 3);
    void *b = slab_alloc(&from, 3);
    void *c = slab_alloc(&from, 9);
    memset(c, 1, slab_class_len(9));
    slab_merge(&into, &from);
    assert_int_equal(slab_bytes(&from), 0);
    assert_int_equal(slab_bytes(&into), 3 * SLAB_CHUNK_LEN);
    slab_free(&into, b);
    slab_free(&into, a);
    slab_free(&into, c);
    slab_release(&into);
    slab_release(&from);
    assert_int_equal(slab_bytes(&into), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_has_the_smallest_class_with_room),
        cmocka_unit_test(objects_do_not_overlap),
        cmocka_unit_test(freed_objects_are_used_again),
        cmocka_unit_test(empty_chunks_are_given_back),
        cmocka_unit_test(merged_objects_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
