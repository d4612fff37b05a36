/* The storm: store, committer, a consumer that serves, clients in closed loops, and notes of use beside them. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/committer.h"
#include "tests/faults/storm.h"

struct storm {
    struct store *store;
    struct feed *feed;
    struct committer *committer;
    _Atomic bool is_over;
    _Atomic int violations; /* a client saw what was never acknowledged, or did not see what was */
};

struct client {
    struct change_request request;
    struct storm *storm;
    pthread_t thread;
    sem_t done;
    int result;
    uint32_t number;
    uint32_t delegate;
    uint32_t update; /* the number it sends */
};

struct store_options storm_options(const char *directory, bool sync)
{
    return (struct store_options){.directory = directory, .block_cache = (size_t)8 << 20, .sync = sync};
}

static struct delegate_id id_of(uint32_t number, uint8_t kind)
{
    struct delegate_id id = {{0}};
    uint32_t mixed = number * 2654435761U;
    memcpy(id.octets, &mixed, sizeof(mixed)); /* spread over the ranges of the scan */
    memcpy(id.octets + 4, &number, sizeof(number));
    id.octets[15] = kind;
    return id;
}

struct delegate_id storm_delegate_id(uint32_t number)
{
    return id_of(number, 1);
}

struct delegate_id storm_username(uint32_t number)
{
    return id_of(number, 2);
}

uint32_t storm_newest(const struct delegate_state *state)
{
    if (state->values_count == 0) {
        return 0;
    }
    const struct delegate_value *newest = &state->values[state->values_count - 1];
    char text[DELEGATE_VALUE_LEN_MAX + 1];
    memcpy(text, newest->text, newest->len);
    text[newest->len] = '\0';
    return (uint32_t)strtoul(text, NULL, 10);
}

/* Registers the delegate with its first update; rotates two slots. */
static int decide(struct change_request *request, struct change_state *state, int64_t now_s)
{
    struct client *client = (struct client *)request;
    struct delegate_state *delegate = &state->delegate;
    if (storm_newest(delegate) != client->update - 1 || delegate->version != client->update - 1 ||
        state->account.version != (client->update > 1 ? 1 : 0)) {
        atomic_fetch_add(&client->storm->violations, 1);
        fprintf(stderr, "storm: delegate %u shows update %u at version %llu, %u was acknowledged\n", client->delegate,
                storm_newest(delegate), (unsigned long long)delegate->version, client->update - 1);
    }
    if (delegate->version == 0) {
        state->account.delegate = request->delegate;
        state->account.zone = request->zone;
        state->account.created_s = now_s;
        state->write_account = true;
    }
    if (delegate->values_count == 2) {
        delegate->values[0] = delegate->values[1];
        delegate->values_count = 1;
    }
    struct delegate_value *value = &delegate->values[delegate->values_count++];
    value->set_at_s = now_s;
    /* As long as some are, so that commits are of many pages. */
    value->len =
        (uint8_t)snprintf(value->text, sizeof(value->text), "%u %0*d", client->update, 40 + (int)client->number * 5, 0);
    state->write_delegate = true;
    return 0;
}

static void complete(struct change_request *request, int result)
{
    struct client *client = (struct client *)request;
    client->result = result;
    if (result == 0) {
        struct storm_ack ack = {.delegate = client->delegate, .update = client->update};
        if (write(STDOUT_FILENO, &ack, sizeof(ack)) != (ssize_t)sizeof(ack)) {
            _exit(4); /* nobody listens any more */
        }
    }
    sem_post(&client->done);
}

/* Sends one update until it is acknowledged. Returns false when the storm is over. */
static bool client_update(struct client *client)
{
    while (!atomic_load(&client->storm->is_over)) {
        if (committer_submit(client->storm->committer, &client->request) == 0) {
            sem_wait(&client->done);
            if (client->result == 0) {
                return true;
            }
        }
        usleep(2000); /* the disk failed, or the queue is full: a real client comes again too */
    }
    return false;
}

static void *client_run(void *argument)
{
    struct client *client = argument;
    for (uint32_t turn = 0;; turn++) {
        client->delegate = (client->number + turn * STORM_CLIENTS) % STORM_DELEGATES;
        client->request.delegate = storm_delegate_id(client->delegate);
        client->request.username = storm_username(client->delegate);
        struct delegate_state state = {.values_count = 0};
        int code = store_read_delegate(client->storm->store, client->request.zone, &client->request.delegate, &state);
        if (code == TXTD_EIO) { /* the store is being opened anew */
            turn -= 1;
            usleep(2000);
        } else if (code != 0 && code != TXTD_ENOTFOUND) {
            atomic_fetch_add(&client->storm->violations, 1);
            return NULL;
        } else {
            client->update = storm_newest(&state) + 1;
            if (!client_update(client)) {
                return NULL;
            }
        }
        if (atomic_load(&client->storm->is_over)) {
            return NULL;
        }
    }
}

/* Notes that delegates were asked for, as the thread does that sums up what DNS workers note: all of it may be lost, but it is
 * written beside the updates. */
static void *note_usage(void *argument)
{
    struct storm *storm = argument;
    enum { NOTES = 64 }; /* less than a page: so that others lie behind one that is lost */
    struct store_usage_note notes[NOTES];
    for (uint32_t turn = 1; !atomic_load(&storm->is_over); turn++) {
        for (uint32_t i = 0; i < NOTES; i++) {
            notes[i] = (struct store_usage_note){1, storm_delegate_id(i), {turn, 1}};
        }
        (void)store_note_usage(storm->store, notes, NOTES);
        if (turn % 16 == 0) { /* some of them with no update in between */
            usleep(1000);
        }
    }
    return NULL;
}

static void *serve(void *argument)
{
    struct storm *storm = argument;
    uint8_t message[FEED_MESSAGE_MAX];
    struct delegate_state state;
    uint64_t revision = 0;
    for (int len; (len = feed_next(storm->feed, message, sizeof(message), 1000)) != TXTD_ECLOSED;) {
        if (len > 0 && feed_message_decode(message, (size_t)len, &revision, &state) == 0) {
            committer_published(storm->committer, revision);
        }
    }
    return NULL;
}

/* Waits for SIGTERM, which is blocked in every thread, for a minute at most. */
static void wait_for_end(const sigset_t *end)
{
    const struct timespec minute = {.tv_sec = 60};
    sigtimedwait(end, NULL, &minute);
}

static void run_clients(struct storm *storm, uint16_t zone, const sigset_t *end)
{
    static struct client clients[STORM_CLIENTS];
    pthread_t notes;
    if (pthread_create(&notes, NULL, note_usage, storm) != 0) {
        _exit(4);
    }
    for (uint32_t i = 0; i < STORM_CLIENTS; i++) {
        clients[i] = (struct client){.storm = storm, .number = i};
        clients[i].request =
            (struct change_request){.zone = zone, .wants_account = true, .decide = decide, .complete = complete};
        sem_init(&clients[i].done, 0, 0);
        if (pthread_create(&clients[i].thread, NULL, client_run, &clients[i]) != 0) {
            _exit(4);
        }
    }
    wait_for_end(end);
    atomic_store(&storm->is_over, true);
    for (uint32_t i = 0; i < STORM_CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        sem_destroy(&clients[i].done);
    }
    pthread_join(notes, NULL);
}

int storm_run(const char *directory, bool sync)
{
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &end, NULL);
    struct storm storm = {.store = NULL};
    struct error_detail detail = {""};
    const struct store_options options = storm_options(directory, sync);
    const struct committer_settings settings = {.queue_max = STORM_CLIENTS, .batch_max = STORM_CLIENTS};
    uint16_t zone = 0;
    pthread_t consumer;
    if (store_open(&options, &storm.store, &detail) != 0 ||
        store_zone_number(storm.store, "storm.example", &zone, &detail) != 0 || feed_new(1 << 16, &storm.feed) != 0 ||
        committer_start(storm.store, storm.feed, &settings, &storm.committer) != 0 ||
        pthread_create(&consumer, NULL, serve, &storm) != 0) {
        fprintf(stderr, "storm: cannot start: %s\n", detail.text);
        return 4;
    }
    run_clients(&storm, zone, &end);
    committer_stop(storm.committer);
    pthread_join(consumer, NULL);
    committer_free(storm.committer);
    feed_free(storm.feed);
    store_close(storm.store);
    return atomic_load(&storm.violations) == 0 ? 0 : 3;
}
