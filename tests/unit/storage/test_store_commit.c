#include "tests/unit/storage/scene.h"

static struct delegate_state delegate_at(uint64_t number, uint64_t version)
{
    return (struct delegate_state){.id = scene_id(number), .zone = 1, .version = version};
}

static struct store_account account_at(uint64_t number, uint64_t version)
{
    return (struct store_account){
        .username = scene_id(number), .delegate = scene_id(number + 1), .zone = 1, .version = version};
}

/* Commits one change; returns its result. */
static int commit_one(struct store *store, const struct delegate_state *delegate, const struct store_account *account)
{
    struct store_change change = {.delegate = delegate, .account = account};
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_true(revision == store_revision(store));
    assert_true(change.revision == (change.result == 0 ? revision : 0));
    return change.result;
}

static void what_was_committed_is_read_also_after_reopening(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct delegate_state delegate = delegate_at(1, 1);
    struct store_account account = account_at(2, 1);
    scene_add_value(&delegate, "one", 10);
    assert_int_equal(commit_one(store, &delegate, &account), 0);
    delegate.version = 2;
    scene_add_value(&delegate, "two", 11);
    assert_int_equal(commit_one(store, &delegate, NULL), 0);
    for (int round = 0; round < 2; round++) {
        struct delegate_state read_delegate;
        struct store_account read_account;
        assert_int_equal(store_read_delegate(store, 1, &delegate.id, &read_delegate), 0);
        assert_same_delegate(&delegate, &read_delegate);
        assert_int_equal(store_read_account(store, &account.username, &read_account), 0);
        assert_same_account(&account, &read_account);
        assert_int_equal(store_read_delegate(store, 2, &delegate.id, &read_delegate), TXTD_ENOTFOUND);
        assert_int_equal(store_read_account(store, &delegate.id, &read_account), TXTD_ENOTFOUND);
        assert_true(store_revision(store) == 2);
        assert_true(store_delegates_estimate(store) == 1);
        store_close(store);
        store = scene_open(&scene);
    }
    store_close(store);
    scene_end(&scene);
}

static void another_version_conflicts(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    const struct delegate_state first = delegate_at(1, 1);
    assert_int_equal(commit_one(store, &first, NULL), 0);
    const uint64_t wrong[] = {0, 1, 3, UINT64_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct delegate_state delegate = delegate_at(1, wrong[i]);
        assert_int_equal(commit_one(store, &delegate, NULL), TXTD_ECONFLICT);
    }
    const struct delegate_state unborn = delegate_at(9, 2);
    assert_int_equal(commit_one(store, &unborn, NULL), TXTD_ECONFLICT);

    /* A change is left out whole: the delegate fits, the account does not. */
    const struct delegate_state second = delegate_at(1, 2);
    const struct store_account account = account_at(2, 2);
    assert_int_equal(commit_one(store, &second, &account), TXTD_ECONFLICT);
    struct delegate_state stored;
    assert_int_equal(store_read_delegate(store, 1, &first.id, &stored), 0);
    assert_true(stored.version == 1);
    assert_true(store_revision(store) == 1);
    assert_true(store_delegates_estimate(store) == 1);
    store_close(store);
    scene_end(&scene);
}

static void changes_of_one_key_follow_one_another(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    const struct delegate_state versions[] = {delegate_at(1, 1), delegate_at(1, 2), delegate_at(1, 2),
                                              delegate_at(1, 3), delegate_at(2, 1), delegate_at(2, 3)};
    const int results[] = {0, 0, TXTD_ECONFLICT, 0, 0, TXTD_ECONFLICT};
    const uint64_t revisions[] = {1, 2, 0, 3, 4, 0};
    struct store_change changes[6] = {{0}};
    for (size_t i = 0; i < 6; i++) {
        changes[i].delegate = &versions[i];
    }
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, changes, 6, &revision), 0);
    assert_true(revision == 4);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(changes[i].result, results[i]);
        assert_true(changes[i].revision == revisions[i]);
    }
    struct delegate_state stored;
    assert_int_equal(store_read_delegate(store, 1, &versions[0].id, &stored), 0);
    assert_true(stored.version == 3);
    store_close(store);
    scene_end(&scene);
}

static void tombstones_stay_and_are_not_counted(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct delegate_state delegate = delegate_at(1, 1);
    assert_int_equal(commit_one(store, &delegate, NULL), 0);
    delegate.version = 2;
    delegate.deleted = true;
    assert_int_equal(commit_one(store, &delegate, NULL), 0);
    assert_true(store_delegates_estimate(store) == 0);
    delegate.version = 3;
    assert_int_equal(commit_one(store, &delegate, NULL), 0);
    assert_true(store_delegates_estimate(store) == 0);
    struct delegate_state stored;
    assert_int_equal(store_read_delegate(store, 1, &delegate.id, &stored), 0);
    assert_true(stored.deleted);
    store_close(store);
    scene_end(&scene);
}

static void a_commit_of_nothing_is_one(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    uint64_t revision = 99;
    assert_int_equal(store_commit(store, NULL, 0, &revision), 0);
    assert_true(revision == 0);
    store_close(store);
    scene_end(&scene);
}

static void an_impossible_state_is_left_out(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct delegate_state delegate = delegate_at(1, 1);
    delegate.values_count = DELEGATE_VALUES_MAX + 1;
    assert_int_equal(commit_one(store, &delegate, NULL), TXTD_EINVAL);
    assert_true(store_revision(store) == 0);
    store_close(store);
    scene_end(&scene);
}

/* More than one batched read takes, in commits that grow. */
static void many_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct delegate_state *delegates = calloc(MANY, sizeof(*delegates));
    struct store_account *accounts = calloc(MANY, sizeof(*accounts));
    struct store_change *changes = calloc(MANY, sizeof(*changes));
    struct store_lookup *lookups = calloc(MANY, sizeof(*lookups));
    for (uint64_t version = 1; version <= 3; version++) {
        for (uint64_t i = 0; i < MANY; i++) {
            delegates[i] = delegate_at(i, version);
            accounts[i] = account_at(i, version);
            changes[i] = (struct store_change){.delegate = &delegates[i], .account = i % 3 == 0 ? &accounts[i] : NULL};
            changes[i].result = 77;
        }
        uint64_t revision = 0;
        assert_int_equal(store_commit(store, changes, MANY, &revision), 0);
        assert_true(revision == MANY * version);
        for (size_t i = 0; i < MANY; i++) {
            assert_int_equal(changes[i].result, 0);
        }
    }
    assert_true(store_delegates_estimate(store) == MANY);
    for (uint64_t i = 0; i < MANY; i++) {
        delegates[i] = delegate_at(i, 0);
        accounts[i] = account_at(i, 0);
        lookups[i] = (struct store_lookup){.delegate = i % 2 == 0 ? &delegates[i] : NULL, .account = &accounts[i]};
    }
    store_read_many(store, lookups, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(delegates[i].version == (i % 2 == 0 ? 3 : 0));
        assert_int_equal(lookups[i].account_result, i % 3 == 0 ? 0 : TXTD_ENOTFOUND);
        assert_true(accounts[i].version == (i % 3 == 0 ? 3 : 0));
    }
    free(lookups);
    free(changes);
    free(accounts);
    free(delegates);
    store_close(store);
    scene_end(&scene);
}

static void below_the_reserve_nothing_is_taken(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    store_close(scene_open(&scene));
    struct store_options options = scene_options(&scene);
    options.reserve = UINT64_MAX;
    struct store *store = NULL;
    struct error_detail detail = {""};
    assert_int_equal(store_open(&options, &store, &detail), 0);
    assert_int_equal(store_writable(store), TXTD_ENOSPC);
    struct delegate_state delegate = delegate_at(1, 1);
    struct store_change change = {.delegate = &delegate};
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, &change, 1, &revision), TXTD_ENOSPC);
    assert_int_equal(store_read_delegate(store, 1, &delegate.id, &delegate), TXTD_ENOTFOUND);
    store_close(store);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_committed_is_read_also_after_reopening),
        cmocka_unit_test(another_version_conflicts),
        cmocka_unit_test(changes_of_one_key_follow_one_another),
        cmocka_unit_test(tombstones_stay_and_are_not_counted),
        cmocka_unit_test(a_commit_of_nothing_is_one),
        cmocka_unit_test(an_impossible_state_is_left_out),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(below_the_reserve_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
