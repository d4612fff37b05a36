#include "tests/unit/storage/scene.h"

#include "storage/key_index.h"

enum { KEYS = 1000 };

static void keys_keep_their_numbers(void **state)
{
    (void)state;
    struct key_index *index = NULL;
    assert_int_equal(key_index_new(KEYS, &index), 0);
    for (int round = 0; round < 3; round++) {
        key_index_clear(index);
        for (uint32_t i = 0; i < KEYS; i++) {
            struct delegate_id id = scene_id(i / 2); /* the same id in two zones */
            uint32_t *number = key_index_at(index, (uint16_t)(i % 2), &id);
            assert_true(*number == KEY_INDEX_NONE);
            *number = i;
        }
        for (uint32_t i = 0; i < KEYS; i++) {
            struct delegate_id id = scene_id(i / 2);
            assert_true(*key_index_at(index, (uint16_t)(i % 2), &id) == i);
        }
    }
    key_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_keep_their_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
