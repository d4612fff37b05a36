#include "tests/unit/storage/scene.h"

#include <stdatomic.h>
#include <sys/syscall.h>

enum { KEPT = 4 };

/* The C library's, counted. */
static atomic_uint syncs;

int fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

static struct store *open_with_history(const struct scene *scene)
{
    struct store_options options = scene_options(scene);
    struct store *store = NULL;
    options.history = KEPT;
    assert_int_equal(store_open(&options, &store, NULL), 0);
    return store;
}

/* Commits version `version` of delegate `number` with an event of that number. */
static void commit_event(struct store *store, uint64_t number, uint64_t version)
{
    struct delegate_state delegate = {.id = scene_id(number), .zone = 1, .version = version};
    struct store_event event = {.kind = STORE_EVENT_UPDATED, .version = version, .at_s = (int64_t)version};
    struct store_change change = {.delegate = &delegate, .event = &event};
    uint64_t revision = 0;
    event.text_len = 1;
    event.text[0] = (char)('a' + version);
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_int_equal(change.result, 0);
}

static void the_last_events_are_kept(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = open_with_history(&scene);
    struct store_event events[STORE_HISTORY_MAX];
    struct store_usage usage = {.asked_count = 9};
    struct delegate_id id = scene_id(1);
    unsigned count = 9;
    assert_int_equal(store_read_history(store, 1, &id, events, &count, &usage), 0);
    assert_int_equal(count, 0);
    assert_true(usage.asked_count == 0);
    for (uint64_t version = 1; version <= KEPT + 3; version++) {
        commit_event(store, 1, version);
        commit_event(store, 2, version);
    }
    for (int round = 0; round < 2; round++) { /* newest first; after reopening too */
        assert_int_equal(store_read_history(store, 1, &id, events, &count, NULL), 0);
        assert_int_equal(count, KEPT);
        for (unsigned i = 0; i < KEPT; i++) {
            uint64_t version = KEPT + 3 - i;
            assert_true(events[i].version == version && events[i].at_s == (int64_t)version);
            assert_int_equal(events[i].text[0], (char)('a' + version));
        }
        store_close(store);
        store = open_with_history(&scene);
    }
    assert_int_equal(store_read_history(store, 2, &id, events, &count, NULL), 0); /* another zone */
    assert_int_equal(count, 0);
    store_close(store);
    scene_end(&scene);
}

static void history_may_be_off(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct store_event events[STORE_HISTORY_MAX];
    struct delegate_id id = scene_id(1);
    unsigned count = 9;
    commit_event(store, 1, 1);
    assert_int_equal(store_read_history(store, 1, &id, events, &count, NULL), 0);
    assert_int_equal(count, 0);
    store_close(store);
    scene_end(&scene);
}

static void usage_adds_up(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = open_with_history(&scene);
    struct store_usage_note notes[2] = {{1, scene_id(1), {3600 * 10, 3}}, {1, scene_id(2), {3600 * 20, 1}}};
    assert_int_equal(store_note_usage(store, notes, 2), 0);
    notes[0].usage = (struct store_usage){3600 * 5 + 100, 4}; /* counted late: the newer time stays */
    assert_int_equal(store_note_usage(store, notes, 1), 0);
    commit_event(store, 1, 1);
    store_close(store);
    store = open_with_history(&scene);
    struct store_event events[STORE_HISTORY_MAX];
    struct store_usage usage;
    unsigned count = 0;
    assert_int_equal(store_read_history(store, 1, &notes[0].delegate, events, &count, &usage), 0);
    assert_int_equal(count, 1);
    assert_true(usage.asked_at_s == 3600 * 10 && usage.asked_count == 7);
    assert_int_equal(store_read_history(store, 1, &notes[1].delegate, events, &count, &usage), 0);
    assert_true(usage.asked_at_s == 3600 * 20 && usage.asked_count == 1);
    static struct store_usage_note too_many[STORE_USAGE_NOTES_MAX + 1];
    assert_int_equal(store_note_usage(store, too_many, STORE_USAGE_NOTES_MAX + 1), TXTD_EINVAL);
    assert_int_equal(store_note_usage(store, NULL, 0), 0);
    store_close(store);
    scene_end(&scene);
}

/* wal_tail.h counts on every write being synced; and a sync for each of a few notes would hold up commits. */
static void all_notes_of_a_call_are_one_synced_write(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct scene scene = scene_begin();
    struct store *store = open_with_history(&scene);
    static struct store_usage_note notes[MANY];
    for (uint64_t i = 0; i < MANY; i++) {
        notes[i] = (struct store_usage_note){1, scene_id(i), {3600, i + 1}};
    }
    for (unsigned round = 1; round <= 2; round++) {
        unsigned before = atomic_load(&syncs);
        assert_int_equal(store_note_usage(store, notes, MANY), 0);
        assert_int_equal(atomic_load(&syncs) - before, 1);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        struct store_event events[STORE_HISTORY_MAX];
        struct store_usage usage;
        unsigned count = 0;
        assert_int_equal(store_read_history(store, 1, &notes[i].delegate, events, &count, &usage), 0);
        assert_true(usage.asked_count == 2 * (i + 1));
    }
    store_close(store);
    scene_end(&scene);
}

static void revoked_keys_leave_tombstones(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct store_key key = {.scheme = STORE_KEY_SHA256, .hash_len = 32, .key_id = 5};
    memset(key.hash, 0x5a, 32);
    struct store_account account = {.username = scene_id(3), .zone = 1, .version = 1};
    struct store_change change = {.account = &account, .revoked = &key};
    struct store_revoked revoked;
    uint64_t revision = 0;
    assert_int_equal(store_read_revoked(store, &key, &revoked), TXTD_ENOTFOUND);
    account.version = 2; /* a change that is left out leaves none */
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_int_equal(change.result, TXTD_ECONFLICT);
    assert_int_equal(store_read_revoked(store, &key, &revoked), TXTD_ENOTFOUND);
    account.version = 1;
    assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    assert_int_equal(change.result, 0);
    store_close(store);
    store = scene_open(&scene);
    assert_int_equal(store_read_revoked(store, &key, &revoked), 0);
    assert_memory_equal(&revoked.username, &account.username, sizeof(account.username));
    assert_int_equal(revoked.key_id, 5);
    key.hash[31] ^= 1;
    assert_int_equal(store_read_revoked(store, &key, &revoked), TXTD_ENOTFOUND);
    uint16_t zone = 0; /* the meta family's other records are as before */
    assert_int_equal(store_zone_number(store, "a.example", &zone, NULL), 0);
    assert_int_equal(zone, 1);
    store_close(store);
    scene_end(&scene);
}

static void accounts_come_in_pages(void **state)
{
    (void)state;
    enum { ACCOUNTS = 25, PAGE = 10 };
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct store_account page[PAGE];
    unsigned count = 9;
    assert_int_equal(store_read_accounts(store, NULL, PAGE, page, &count), 0);
    assert_int_equal(count, 0);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        struct store_account account = {.username = scene_id(i), .zone = 1, .version = 1, .deleted = i == 3};
        struct store_change change = {.account = &account};
        uint64_t revision = 0;
        assert_int_equal(store_commit(store, &change, 1, &revision), 0);
    }
    struct delegate_id last;
    unsigned total = 0, deleted = 0;
    for (int pages = 0; pages < 3; pages++) {
        assert_int_equal(store_read_accounts(store, pages == 0 ? NULL : &last, PAGE, page, &count), 0);
        assert_int_equal(count, pages < 2 ? PAGE : ACCOUNTS - 2 * PAGE);
        for (unsigned i = 0; i < count; i++) {
            assert_true((pages == 0 && i == 0) || memcmp(&last, &page[i].username, sizeof(last)) < 0);
            last = page[i].username;
            deleted += page[i].deleted;
            total++;
        }
    }
    assert_int_equal(total, ACCOUNTS);
    assert_int_equal(deleted, 1);
    assert_int_equal(store_read_accounts(store, &last, PAGE, page, &count), 0);
    assert_int_equal(count, 0);
    store_close(store);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_events_are_kept),
        cmocka_unit_test(history_may_be_off),
        cmocka_unit_test(usage_adds_up),
        cmocka_unit_test(all_notes_of_a_call_are_one_synced_write),
        cmocka_unit_test(revoked_keys_leave_tombstones),
        cmocka_unit_test(accounts_come_in_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
