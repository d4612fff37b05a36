#include "tests/unit/storage/scene.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "storage/committer.h"

/* A store with a committer, a feed, and (when started) a consumer that keeps what was served. */
struct stage {
    struct scene scene;
    struct store *store;
    struct feed *feed;
    struct committer *committer;
    pthread_t consumer;
    _Atomic uint64_t served; /* messages */
    _Atomic uint64_t served_revision;
    struct delegate_state last; /* the message before: read after the consumer has ended */
    _Atomic int disorder;
};

static void stage_begin(struct stage *stage, size_t queue_max, size_t batch_max, uint64_t reserve)
{
    memset(stage, 0, sizeof(*stage));
    stage->scene = scene_begin();
    struct store_options options = scene_options(&stage->scene);
    options.reserve = reserve;
    struct error_detail detail = {""};
    assert_int_equal(store_open(&options, &stage->store, &detail), 0);
    assert_int_equal(feed_new(1 << 16, &stage->feed), 0);
    const struct committer_settings settings = {.queue_max = queue_max, .batch_max = batch_max};
    assert_int_equal(committer_start(stage->store, stage->feed, &settings, &stage->committer), 0);
}

static void *consume(void *argument)
{
    struct stage *stage = argument;
    uint8_t message[FEED_MESSAGE_MAX];
    for (int len; (len = feed_next(stage->feed, message, sizeof(message), 1000)) != TXTD_ECLOSED;) {
        uint64_t revision = 0;
        if (len == 0) {
            continue;
        }
        if (feed_message_decode(message, (size_t)len, &revision, &stage->last) != 0 ||
            revision <= atomic_load(&stage->served_revision)) {
            atomic_fetch_add(&stage->disorder, 1);
        }
        atomic_fetch_add(&stage->served, 1);
        atomic_store(&stage->served_revision, revision);
        committer_published(stage->committer, revision);
    }
    return NULL;
}

static void stage_consume(struct stage *stage)
{
    assert_int_equal(pthread_create(&stage->consumer, NULL, consume, stage), 0);
}

static void stage_end(struct stage *stage, bool consumes)
{
    committer_stop(stage->committer);
    if (consumes) {
        pthread_join(stage->consumer, NULL);
    }
    committer_free(stage->committer);
    feed_free(stage->feed);
    store_close(stage->store);
    scene_end(&stage->scene);
    assert_int_equal(stage->disorder, 0);
}

/* One update of one delegate; the request is first, so that the callbacks find the rest. */
struct update {
    struct change_request request;
    struct stage *stage;
    char text[16];
    _Atomic int calls;
    int result;
    uint64_t served_before; /* messages served when it was completed */
    sem_t *done;
};

static void note_completion(struct change_request *request, int result)
{
    struct update *update = (struct update *)request;
    sem_t *done = update->done; /* the update may be gone once it is counted */
    update->result = result;
    update->served_before = atomic_load(&update->stage->served);
    atomic_fetch_add(&update->calls, 1);
    if (done != NULL) {
        sem_post(done);
    }
}

/* Rotation as the service has it: the two newest distinct values. */
static int rotate(struct change_request *request, struct change_state *state, int64_t now_s)
{
    const struct update *update = (const struct update *)request;
    struct delegate_state *delegate = &state->delegate;
    if (delegate->values_count == 2) {
        delegate->values[0] = delegate->values[1];
        delegate->values_count = 1;
    }
    scene_add_value(delegate, update->text, now_s);
    state->write_delegate = true;
    return 0;
}

static int forbid(struct change_request *request, struct change_state *state, int64_t now_s)
{
    (void)request;
    (void)now_s;
    state->write_delegate = true; /* which does not count when it fails */
    return TXTD_EFORBIDDEN;
}

static int look_only(struct change_request *request, struct change_state *state, int64_t now_s)
{
    struct update *update = (struct update *)request;
    (void)now_s;
    snprintf(update->text, sizeof(update->text), "%u", state->delegate.values_count);
    return 0;
}

static int write_account_only(struct change_request *request, struct change_state *state, int64_t now_s)
{
    (void)request;
    state->account.created_s = now_s;
    state->write_account = true;
    return 0;
}

static struct update update_of(struct stage *stage, uint64_t delegate,
                               int (*decide)(struct change_request *, struct change_state *, int64_t))
{
    return (struct update){
        .request = {.zone = 1, .delegate = scene_id(delegate), .decide = decide, .complete = note_completion},
        .stage = stage,
    };
}

static void wait_calls(const struct update *update)
{
    for (int i = 0; i < 5000 && atomic_load(&update->calls) == 0; i++) {
        usleep(1000);
    }
    assert_int_equal(update->calls, 1);
}

enum { THREADS = 8, EACH = 400, SHARED = 3 };

struct submitter {
    struct stage *stage;
    unsigned number;
    pthread_t thread;
    struct update *updates;
    sem_t done;
};

/* Sends its updates without waiting, in turn to delegates that all threads share. */
static void *submit_all(void *argument)
{
    struct submitter *submitter = argument;
    for (unsigned i = 0; i < EACH; i++) {
        struct update *update = &submitter->updates[i];
        *update = update_of(submitter->stage, i % SHARED, rotate);
        update->done = &submitter->done;
        snprintf(update->text, sizeof(update->text), "%u.%u", submitter->number, i);
        int code;
        while ((code = committer_submit(submitter->stage->committer, &update->request)) == TXTD_EFULL) {
            usleep(200);
        }
        if (code != 0) {
            return submitter;
        }
    }
    for (unsigned i = 0; i < EACH; i++) {
        sem_wait(&submitter->done);
    }
    return NULL;
}

static void many_threads_lose_nothing_and_keep_order(void **state)
{
    (void)state;
    struct stage stage;
    struct submitter submitters[THREADS];
    stage_begin(&stage, 256, 64, 0);
    stage_consume(&stage);
    for (unsigned i = 0; i < THREADS; i++) {
        submitters[i] =
            (struct submitter){.stage = &stage, .number = i, .updates = calloc(EACH, sizeof(struct update))};
        sem_init(&submitters[i].done, 0, 0);
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_all, &submitters[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *failed = NULL;
        pthread_join(submitters[i].thread, &failed);
        assert_null(failed);
    }
    struct committer_stats stats;
    committer_stats(stage.committer, &stats);
    assert_true(stats.requests == THREADS * EACH);
    assert_true(stats.failed == 0 && stats.conflicts == 0 && stats.queue_depth == 0);
    assert_true(stats.commits <= THREADS * EACH && stats.commits * 64 >= THREADS * EACH);
    assert_true(stats.commit_us_max <= stats.commit_us_total);
    uint64_t in_classes = 0;
    for (unsigned i = 0; i < COMMITTER_CLASSES; i++) {
        in_classes += stats.classes[i].commits;
    }
    assert_int_equal(in_classes, stats.commits);

    for (unsigned i = 0; i < THREADS; i++) {
        for (unsigned j = 0; j < EACH; j++) {
            const struct update *update = &submitters[i].updates[j];
            assert_int_equal(update->result, 0);
            assert_int_equal(update->calls, 1);
            /* Revisions grow in the order in which a thread submitted, */
            assert_true(j == 0 || update->request.revision > submitters[i].updates[j - 1].request.revision);
            /* and none was answered before its message was served: one message a revision here. */
            assert_true(update->served_before >= update->request.revision);
        }
    }
    /* Every update counted one version, and the last two values are those of the two highest revisions. */
    for (unsigned shared = 0; shared < SHARED; shared++) {
        struct delegate_id id = scene_id(shared);
        struct delegate_state delegate;
        assert_int_equal(store_read_delegate(stage.store, 1, &id, &delegate), 0);
        unsigned expected = 0;
        const struct update *newest[2] = {NULL, NULL};
        for (unsigned i = 0; i < THREADS; i++) {
            for (unsigned j = shared; j < EACH; j += SHARED) {
                const struct update *update = &submitters[i].updates[j];
                expected++;
                if (newest[1] == NULL || update->request.revision > newest[1]->request.revision) {
                    newest[0] = newest[1];
                    newest[1] = update;
                } else if (newest[0] == NULL || update->request.revision > newest[0]->request.revision) {
                    newest[0] = update;
                }
            }
        }
        assert_true(delegate.version == expected);
        assert_int_equal(delegate.values_count, 2);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(delegate.values[i].len, strlen(newest[i]->text));
            assert_memory_equal(delegate.values[i].text, newest[i]->text, delegate.values[i].len);
        }
    }
    assert_true(store_revision(stage.store) == THREADS * EACH);
    for (unsigned i = 0; i < THREADS; i++) {
        sem_destroy(&submitters[i].done);
        free(submitters[i].updates);
    }
    stage_end(&stage, true);
    assert_true(stage.served == THREADS * EACH);
}

static void nothing_is_answered_before_it_is_served(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, 16, 16, 0);
    struct update write = update_of(&stage, 1, rotate);
    struct update look = update_of(&stage, 1, look_only);
    struct update account = update_of(&stage, 2, write_account_only);
    struct update refused = update_of(&stage, 1, forbid);
    account.request.wants_account = true;
    account.request.username = scene_id(77);
    assert_int_equal(committer_submit(stage.committer, &look.request), 0);
    wait_calls(&look); /* nothing was written yet: done at once */
    assert_string_equal(look.text, "0");
    look.calls = 0;
    assert_int_equal(committer_submit(stage.committer, &write.request), 0);
    assert_int_equal(committer_submit(stage.committer, &look.request), 0);
    assert_int_equal(committer_submit(stage.committer, &account.request), 0);
    assert_int_equal(committer_submit(stage.committer, &refused.request), 0);
    wait_calls(&refused); /* a refusal waits for nobody */
    assert_int_equal(refused.result, TXTD_EFORBIDDEN);
    usleep(50000);
    assert_int_equal(write.calls, 0);
    assert_int_equal(look.calls, 0); /* it saw the value, so the value must be served before it says so */
    assert_int_equal(account.calls, 0);
    assert_true(store_revision(stage.store) == 2);
    stage_consume(&stage);
    wait_calls(&write);
    wait_calls(&look);
    wait_calls(&account); /* it has no message of its own */
    assert_string_equal(look.text, "1");
    assert_int_equal(look.result, 0);
    struct store_account stored;
    assert_int_equal(store_read_account(stage.store, &account.request.username, &stored), 0);
    assert_true(stored.version == 1);
    stage_end(&stage, true);
    assert_true(stage.served == 1);
    assert_true(stage.last.version == 1);
}

static sem_t gate_reached;
static sem_t gate_open;

/* Holds the committer, so that requests pile up behind it. */
static int wait_at_gate(struct change_request *request, struct change_state *state, int64_t now_s)
{
    (void)request;
    (void)state;
    (void)now_s;
    sem_post(&gate_reached);
    sem_wait(&gate_open);
    return TXTD_ENOTFOUND;
}

static void a_full_queue_refuses_and_stop_drains(void **state)
{
    (void)state;
    enum { QUEUE = 5 };
    struct stage stage;
    sem_init(&gate_reached, 0, 0);
    sem_init(&gate_open, 0, 0);
    stage_begin(&stage, QUEUE, 2, 0);
    stage_consume(&stage);
    struct update gate = update_of(&stage, 0, wait_at_gate);
    struct update waiting[QUEUE + 1];
    assert_int_equal(committer_submit(stage.committer, &gate.request), 0);
    sem_wait(&gate_reached);
    for (unsigned i = 0; i <= QUEUE; i++) {
        waiting[i] = update_of(&stage, 1, rotate);
        assert_int_equal(committer_submit(stage.committer, &waiting[i].request), i < QUEUE ? 0 : TXTD_EFULL);
    }
    struct committer_stats stats;
    committer_stats(stage.committer, &stats);
    assert_true(stats.queue_depth == QUEUE && stats.refused_full == 1);
    sem_post(&gate_open);
    committer_stop(stage.committer);
    assert_int_equal(committer_submit(stage.committer, &gate.request), TXTD_ECLOSED);
    pthread_join(stage.consumer, NULL);
    for (unsigned i = 0; i < QUEUE; i++) {
        assert_int_equal(waiting[i].calls, 1);
        assert_int_equal(waiting[i].result, 0);
    }
    assert_int_equal(waiting[QUEUE].calls, 0);
    assert_int_equal(gate.result, TXTD_ENOTFOUND);
    committer_free(stage.committer);
    feed_free(stage.feed);
    struct delegate_id id = scene_id(1);
    struct delegate_state delegate;
    assert_int_equal(store_read_delegate(stage.store, 1, &id, &delegate), 0);
    assert_true(delegate.version == QUEUE);
    store_close(stage.store);
    scene_end(&stage.scene);
    sem_destroy(&gate_open);
    sem_destroy(&gate_reached);
}

static void what_nobody_served_is_closed(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, 8, 8, 0);
    struct update write = update_of(&stage, 1, rotate);
    assert_int_equal(committer_submit(stage.committer, &write.request), 0);
    stage_end(&stage, false);
    assert_int_equal(write.calls, 1);
    assert_int_equal(write.result, TXTD_ECLOSED);
}

/* The consumer goes away while the committer waits for room in the feed. */
static void a_closed_feed_releases_the_committer(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    struct stage stage;
    stage_begin(&stage, MANY, 64, 0);
    struct update *updates = calloc(MANY, sizeof(*updates));
    for (unsigned i = 0; i < MANY; i++) {
        updates[i] = update_of(&stage, i, rotate);
        assert_int_equal(committer_submit(stage.committer, &updates[i].request), 0);
    }
    usleep(20000);
    feed_close(stage.feed);
    stage_end(&stage, false);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(updates[i].calls, 1);
        assert_int_equal(updates[i].result, TXTD_ECLOSED);
    }
    free(updates);
}

/* When a commit fails, those that only saw its changes fail with it: what they saw never was. */
static void a_failed_commit_fails_its_witnesses(void **state)
{
    (void)state;
    struct stage stage;
    sem_init(&gate_reached, 0, 0);
    sem_init(&gate_open, 0, 0);
    stage_begin(&stage, 8, 8, UINT64_MAX);
    struct update gate = update_of(&stage, 0, wait_at_gate);
    struct update write = update_of(&stage, 1, rotate);
    struct update witness = update_of(&stage, 1, look_only);
    struct update stranger = update_of(&stage, 2, look_only);
    assert_int_equal(committer_submit(stage.committer, &gate.request), 0);
    sem_wait(&gate_reached);
    assert_int_equal(committer_submit(stage.committer, &write.request), 0);
    assert_int_equal(committer_submit(stage.committer, &witness.request), 0);
    assert_int_equal(committer_submit(stage.committer, &stranger.request), 0);
    sem_post(&gate_open);
    wait_calls(&write);
    wait_calls(&witness);
    wait_calls(&stranger);
    assert_int_equal(write.result, TXTD_ENOSPC);
    assert_string_equal(witness.text, "1");
    assert_int_equal(witness.result, TXTD_ENOSPC);
    assert_string_equal(stranger.text, "0");
    assert_int_equal(stranger.result, 0);
    struct committer_stats stats;
    committer_stats(stage.committer, &stats);
    assert_true(stats.failed == 1 && stats.commits == 0);
    stage_end(&stage, false);
    sem_destroy(&gate_open);
    sem_destroy(&gate_reached);
}

static void an_account_not_asked_for_is_not_written(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, 8, 8, 0);
    struct update blind = update_of(&stage, 1, write_account_only);
    assert_int_equal(committer_submit(stage.committer, &blind.request), 0);
    wait_calls(&blind);
    assert_int_equal(blind.result, TXTD_EINVAL);
    stage_end(&stage, false);
    const struct committer_settings none = {.queue_max = 0, .batch_max = 1};
    struct committer *committer = NULL;
    assert_int_equal(committer_start(NULL, NULL, &none, &committer), TXTD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_lose_nothing_and_keep_order),
        cmocka_unit_test(nothing_is_answered_before_it_is_served),
        cmocka_unit_test(a_full_queue_refuses_and_stop_drains),
        cmocka_unit_test(what_nobody_served_is_closed),
        cmocka_unit_test(a_closed_feed_releases_the_committer),
        cmocka_unit_test(a_failed_commit_fails_its_witnesses),
        cmocka_unit_test(an_account_not_asked_for_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
