#include "tests/unit/storage/scene.h"

#include <stdatomic.h>

#include "storage/store_internal.h"

enum { DELEGATES = 3000, PARTS_MAX = 7, ZONES = 3 };

/* Which delegates were seen, by the number in their expiry. */
struct seen {
    _Atomic int times[DELEGATES];
    _Atomic int wrong;
    struct delegate_id last[PARTS_MAX];
    int last_zone[PARTS_MAX];
    int stop_with;
};

static int note(void *context, unsigned part, const struct delegate_state *state)
{
    struct seen *seen = context;
    uint64_t number = (uint64_t)state->expires_at_s - 1;
    struct delegate_id id = scene_id(number);
    if (number >= DELEGATES || memcmp(&id, &state->id, sizeof(id)) != 0 || state->zone != 1 + number % ZONES) {
        atomic_fetch_add(&seen->wrong, 1);
        return 0;
    }
    /* A part goes through a zone in the order of the ids. */
    if (seen->last_zone[part] == state->zone && memcmp(&seen->last[part], &id, sizeof(id)) >= 0) {
        atomic_fetch_add(&seen->wrong, 1);
    }
    seen->last[part] = id;
    seen->last_zone[part] = state->zone;
    atomic_fetch_add(&seen->times[number], 1);
    return seen->stop_with;
}

/* Every tenth delegate is a tombstone. */
static bool is_deleted(uint64_t number)
{
    return number % 10 == 0;
}

static void fill(struct store *store)
{
    static const char *const apexes[ZONES] = {"a.example", "b.example", "c.example"};
    for (int i = 0; i < ZONES; i++) {
        uint16_t number = 0;
        assert_int_equal(store_zone_number(store, apexes[i], &number, NULL), 0);
        assert_int_equal(number, i + 1);
    }
    struct delegate_state *delegates = calloc(DELEGATES, sizeof(*delegates));
    struct store_change *changes = calloc(DELEGATES, sizeof(*changes));
    for (uint64_t i = 0; i < DELEGATES; i++) {
        delegates[i] = (struct delegate_state){.id = scene_id(i),
                                               .zone = (uint16_t)(1 + i % ZONES),
                                               .version = 1,
                                               .deleted = is_deleted(i),
                                               .expires_at_s = (int64_t)i + 1};
        changes[i].delegate = &delegates[i];
    }
    uint64_t revision = 0;
    assert_int_equal(store_commit(store, changes, DELEGATES, &revision), 0);
    assert_true(revision == DELEGATES);
    free(changes);
    free(delegates);
}

static void any_number_of_parts_sees_each_delegate_once(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    fill(store);
    for (unsigned parts = 1; parts <= PARTS_MAX; parts++) {
        struct seen *seen = calloc(1, sizeof(*seen));
        struct error_detail detail = {""};
        if (parts == 4) { /* from the tables as from memory */
            store_close(store);
            store = scene_open(&scene);
        }
        assert_int_equal(store_scan(store, parts, note, seen, &detail), 0);
        assert_int_equal(seen->wrong, 0);
        for (uint64_t i = 0; i < DELEGATES; i++) {
            assert_int_equal(seen->times[i], is_deleted(i) ? 0 : 1);
        }
        free(seen);
    }
    assert_true(store_delegates_estimate(store) == DELEGATES - DELEGATES / 10);
    store_close(store);
    scene_end(&scene);
}

static void a_callback_stops_the_scan(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct seen *seen = calloc(1, sizeof(*seen));
    struct error_detail detail = {""};
    assert_int_equal(store_scan(store, 2, note, seen, &detail), 0); /* of nothing */
    fill(store);
    seen->stop_with = TXTD_ENOMEM;
    assert_int_equal(store_scan(store, 3, note, seen, &detail), TXTD_ENOMEM);
    assert_non_null(strstr(detail.text, scene.path));
    int total = 0;
    for (size_t i = 0; i < DELEGATES; i++) {
        total += seen->times[i];
    }
    assert_in_range(total, 1, 3);
    assert_int_equal(store_scan(store, 0, note, seen, &detail), TXTD_EINVAL);
    free(seen);
    store_close(store);
    scene_end(&scene);
}

/* A delegate that is lost without an error of the disk: what should be there was counted. */
static void a_store_that_lost_a_delegate_is_refused(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    struct seen *seen = calloc(1, sizeof(*seen));
    struct error_detail detail = {""};
    uint8_t key[RECORD_DELEGATE_KEY_LEN];
    char *error = NULL;
    fill(store);
    assert_false(is_deleted(1));
    struct delegate_id id = scene_id(1);
    uint16_t zone = 1 + 1 % ZONES;
    record_delegate_key(zone, &id, key);
    struct delegate_state read;
    assert_int_equal(store_read_delegate(store, zone, &id, &read), 0);
    rocksdb_delete_cf(store->database.db, store->database.write, store->database.families[FAMILY_DELEGATES],
                      (const char *)key, sizeof(key), &error);
    assert_null(error);
    assert_int_equal(store_scan(store, 3, note, seen, &detail), TXTD_ECORRUPT);
    assert_non_null(strstr(detail.text, "restore"));
    free(seen);
    store_close(store);
    scene_end(&scene);
}

static void zones_keep_their_numbers(void **state)
{
    (void)state;
    struct scene scene = scene_begin();
    struct store *store = scene_open(&scene);
    uint16_t number = 0;
    assert_int_equal(store_zone_number(store, "b.example", &number, NULL), 0);
    assert_int_equal(number, 1);
    assert_int_equal(store_zone_number(store, "a.example", &number, NULL), 0);
    assert_int_equal(number, 2);
    store_close(store);
    store = scene_open(&scene);
    assert_int_equal(store_zone_number(store, "a.example", &number, NULL), 0);
    assert_int_equal(number, 2);
    assert_int_equal(store_zone_number(store, "b.example", &number, NULL), 0);
    assert_int_equal(number, 1);
    assert_int_equal(store_zone_number(store, "", &number, NULL), 0);
    assert_int_equal(number, 3);
    char apex[STORE_ZONE_NAME_MAX + 1];
    memset(apex, 'a', sizeof(apex));
    apex[STORE_ZONE_NAME_MAX] = '\0';
    struct error_detail detail = {""};
    assert_int_equal(store_zone_number(store, apex, &number, &detail), TXTD_EINVAL);
    apex[STORE_ZONE_NAME_MAX - 1] = '\0';
    assert_int_equal(store_zone_number(store, apex, &number, &detail), 0);
    assert_int_equal(number, 4);
    store_close(store);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_parts_sees_each_delegate_once),
        cmocka_unit_test(a_callback_stops_the_scan),
        cmocka_unit_test(a_store_that_lost_a_delegate_is_refused),
        cmocka_unit_test(zones_keep_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
