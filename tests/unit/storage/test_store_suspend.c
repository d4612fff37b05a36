/* A store that is given to another process and taken back. Here the other process is a second store of this one. */
#include "tests/unit/storage/scene.h"

#include <sys/stat.h>

static void commit_one(struct store *store, uint64_t number, int expected)
{
    struct delegate_state state = {.id = scene_id(number), .zone = 1, .version = 1};
    struct store_change change = {.delegate = &state};
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, &change, 1, &revision), expected);
    assert_true(expected != 0 || (change.result == 0 && revision == number));
}

static int read_one(struct store *store, uint64_t number)
{
    struct delegate_id id = scene_id(number);
    struct delegate_state state;
    return store_read_delegate(store, 1, &id, &state);
}

static void suspended_it_answers_and_another_may_open_it(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct error_detail detail = {""};
    commit_one(store, 1, 0);

    assert_int_equal(store_suspend(store), 0);
    assert_int_equal(store_writable(store), TXTD_ECLOSED);
    assert_int_equal(read_one(store, 1), TXTD_EIO);
    commit_one(store, 2, TXTD_ECLOSED);
    assert_true(store_revision(store) == 1);
    assert_int_equal(store_suspend(store), TXTD_EIO); /* it is away already */

    struct store *other = scene_open(&scene);
    assert_int_equal(read_one(other, 1), 0);
    assert_int_equal(store_resume(store, &detail), TXTD_EEXISTS);
    assert_int_equal(store_writable(store), TXTD_ECLOSED);
    store_close(other);

    assert_int_equal(store_resume(store, &detail), 0);
    assert_int_equal(store_writable(store), 0);
    assert_int_equal(read_one(store, 1), 0);
    commit_one(store, 2, 0);
    store_close(store);

    store = scene_open(&scene);
    assert_int_equal(read_one(store, 2), 0);
    store_close(store);
    scene_end(&scene);
}

static void closed_while_it_is_away(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    commit_one(store, 1, 0);
    assert_int_equal(store_suspend(store), 0);
    struct store *other = scene_open(&scene);
    store_close(store); /* touches nothing of the other's */
    commit_one(other, 2, 0);
    store_close(other);
    scene_end(&scene);
}

/* What was committed here is gone: the store is no longer ours to serve. */
static void it_comes_back_as_another(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct error_detail detail = {""};
    commit_one(store, 1, 0);
    assert_int_equal(store_suspend(store), 0);
    scene_end(&scene);
    assert_int_equal(mkdir(scene.directory, 0700), 0);
    store_close(scene_open(&scene));
    assert_int_equal(store_resume(store, &detail), TXTD_ECORRUPT);
    assert_int_equal(store_writable(store), TXTD_ECLOSED);
    store_close(store);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(suspended_it_answers_and_another_may_open_it),
                                       cmocka_unit_test(closed_while_it_is_away),
                                       cmocka_unit_test(it_comes_back_as_another)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
