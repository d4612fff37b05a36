/* From the store to the table: start-up loading, and the publisher behind a real committer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/publisher.h"
#include "control/table_loader.h"
#include "control/value_ttls.h"
#include "dataplane/zone/delegate_table.h"
#include "storage/committer.h"
#include "storage/feed.h"
#include "storage/store.h"

#define ZONE      1
#define DELEGATES 3000
#define TTL_S     7

struct scene {
    char directory[64];
    char store_directory[80];
    struct store *store;
    struct value_ttls *ttls;
    struct delegate_table *table;
    struct feed *feed;
    struct committer *committer;
    struct publisher *publisher;
};

/* One change: registers delegate `number`, or sets its value. */
struct change {
    struct change_request request;
    const char *value;
    int64_t expires_at_s;
    const struct delegate_table *table;
    bool visible; /* whether the table had the value when the request was completed */
    int result;
    sem_t done;
};

static struct delegate_id id_of(uint32_t number)
{
    struct delegate_id id = {{0}};
    memcpy(id.octets, &number, sizeof number);
    id.octets[15] = 1;
    return id;
}

static int decide(struct change_request *request, struct change_state *state, int64_t now_s)
{
    const struct change *change = (const struct change *)request;
    state->write_delegate = true;
    state->delegate.expires_at_s = change->expires_at_s;
    state->delegate.values_count = change->value != NULL;
    if (change->value != NULL) {
        state->delegate.values[0].set_at_s = now_s;
        state->delegate.values[0].len = (uint8_t)strlen(change->value);
        memcpy(state->delegate.values[0].text, change->value, strlen(change->value));
    }
    return 0;
}

static void complete(struct change_request *request, int result)
{
    struct change *change = (struct change *)request;
    const struct delegate_entry *entry = delegate_table_find(change->table, request->zone, &request->delegate);
    change->visible = entry != NULL && entry->values_count == (change->value != NULL);
    change->result = result;
    (void)sem_post(&change->done);
}

static void change_submit(struct scene *scene, struct change *change, uint32_t number, const char *value)
{
    memset(change, 0, sizeof *change);
    change->request.zone = ZONE;
    change->request.delegate = id_of(number);
    change->request.decide = decide;
    change->request.complete = complete;
    change->value = value;
    change->table = scene->table;
    assert_int_equal(sem_init(&change->done, 0, 0), 0);
    assert_int_equal(committer_submit(scene->committer, &change->request), 0);
}

static void change_wait(struct change *change)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    assert_int_equal(sem_timedwait(&change->done, &until), 0);
    assert_int_equal(change->result, 0);
    assert_true(change->visible);
    (void)sem_destroy(&change->done);
}

static void scene_open(struct scene *scene, unsigned builders)
{
    const struct store_options options = {
        .directory = scene->store_directory, .reserve = 0, .block_cache = 8u << 20, .sync = false};
    const struct committer_settings settings = {.queue_max = DELEGATES, .batch_max = 256};
    struct error_detail detail = {""};
    if (store_open(&options, &scene->store, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    uint16_t number = 0;
    assert_int_equal(store_zone_number(scene->store, "auth.example.org", &number, &detail), 0);
    assert_int_equal(number, ZONE);
    scene->ttls = value_ttls_new();
    assert_non_null(scene->ttls);
    value_ttls_set(scene->ttls, ZONE, TTL_S);
    assert_int_equal(delegate_table_new(0, &scene->table), 0);
    assert_int_equal(table_loader_load(scene->store, scene->ttls, builders, scene->table, &detail), 0);
    assert_int_equal(feed_new(1 << 20, &scene->feed), 0);
    assert_int_equal(committer_start(scene->store, scene->feed, &settings, &scene->committer), 0);
    assert_int_equal(
        publisher_start(scene->feed, scene->committer, scene->table, scene->ttls, NULL, 0, &scene->publisher), 0);
}

static void scene_close(struct scene *scene)
{
    committer_stop(scene->committer);
    publisher_join(scene->publisher);
    committer_free(scene->committer);
    feed_free(scene->feed);
    delegate_table_free(scene->table);
    value_ttls_free(scene->ttls);
    store_close(scene->store);
}

static int scene_begin(void **state)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    strcpy(scene.directory, "/tmp/test_publisher.XXXXXX");
    if (mkdtemp(scene.directory) == NULL) {
        return -1;
    }
    (void)snprintf(scene.store_directory, sizeof scene.store_directory, "%s/store", scene.directory);
    *state = &scene;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    return nftw(scene->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Every request is completed only after the table has its change; what is loaded later is the same. */
static void test_changes_are_served_and_loaded(void **state)
{
    struct scene *scene = *state;
    static struct change changes[DELEGATES];
    struct delegate_table_stats stats;
    scene_open(scene, 1);
    for (uint32_t i = 0; i < DELEGATES; i++) {
        change_submit(scene, &changes[i], i, i % 2 == 0 ? "a value" : NULL);
    }
    for (uint32_t i = 0; i < DELEGATES; i++) {
        change_wait(&changes[i]);
    }
    struct publisher_stats published;
    publisher_stats(scene->publisher, &published);
    assert_int_equal(published.applied, DELEGATES);
    assert_int_equal(published.stalls, 0);
    scene_close(scene);

    for (unsigned builders = 0; builders <= 3; builders += 3) {
        scene_open(scene, builders);
        delegate_table_stats(scene->table, &stats);
        assert_int_equal(stats.delegates, DELEGATES);
        assert_int_equal(stats.live, DELEGATES / 2);
        struct delegate_id id = id_of(10);
        const struct delegate_entry *entry = delegate_table_find(scene->table, ZONE, &id);
        assert_non_null(entry);
        assert_int_equal(entry->values_count, 1);
        assert_int_equal(entry->rrset[9], TTL_S); /* the last octet of the TTL, RFC 1035 section 3.2.1 */
        id = id_of(DELEGATES);
        assert_null(delegate_table_find(scene->table, ZONE, &id));
        scene_close(scene);
    }
}

static void test_expired_values_are_swept(void **state)
{
    struct scene *scene = *state;
    struct change change;
    struct publisher_stats published = {0};
    struct delegate_table_stats stats;
    scene_open(scene, 1);
    change_submit(scene, &change, 1, NULL);
    change_wait(&change);
    change_submit(scene, &change, 1, "short-lived");
    change_wait(&change);
    change_submit(scene, &change, 2, "expired");
    change_wait(&change);
    delegate_table_stats(scene->table, &stats);
    assert_int_equal(stats.live, 2);
    struct delegate_state expired = {.zone = ZONE, .id = id_of(3), .version = 1, .values_count = 1, .expires_at_s = 1};
    expired.values[0].len = 1;
    expired.values[0].text[0] = 'x';
    uint8_t message[FEED_MESSAGE_MAX];
    int len = feed_message_encode(1, &expired, message, sizeof message);
    assert_true(len > 0);
    assert_int_equal(feed_append(scene->feed, message, (size_t)len), 0);
    for (int tries = 0; published.expired == 0 && tries < 300; tries++) {
        (void)usleep(10000);
        publisher_stats(scene->publisher, &published);
    }
    assert_int_equal(published.expired, 1);
    delegate_table_stats(scene->table, &stats);
    assert_int_equal(stats.live, 2);
    assert_int_equal(stats.delegates, 3);
    scene_close(scene);
}

static void test_ttls(void **state)
{
    struct value_ttls *ttls = value_ttls_new();
    (void)state;
    assert_non_null(ttls);
    assert_int_equal(value_ttls_get(ttls, 3), 1);
    value_ttls_set(ttls, 3, 0);
    value_ttls_set(ttls, UINT16_MAX, UINT32_MAX);
    assert_int_equal(value_ttls_get(ttls, 3), 0);
    assert_int_equal(value_ttls_get(ttls, UINT16_MAX), UINT32_MAX);
    value_ttls_free(ttls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes_are_served_and_loaded, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_expired_values_are_swept, scene_begin, scene_end),
        cmocka_unit_test(test_ttls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
