#include "control/own_challenge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/rotation.h"
#include "storage/committer.h"

struct own_challenge {
    struct committer *committer;
    _Atomic uint16_t zone;
    pthread_mutex_t lock;
    pthread_cond_t completed;
};

/* One change, on the stack of the thread that waits for it. */
struct own_change {
    struct change_request request; /* first: the committer hands back a pointer to it */
    struct own_challenge *challenge;
    const char *value; /* NULL: all of them */
    size_t len;
    bool clears;
    bool done; /* these two under the lock */
    int result;
};

/* --- On the committer's thread --- */

static int decide_publish(struct change_request *request, struct change_state *state, int64_t now_s)
{
    const struct own_change *change = (const struct own_change *)request;
    state->delegate.id = request->delegate;
    state->delegate.zone = request->zone;
    if (state->delegate.version == 0) {
        state->delegate.values_count = 0;
    }
    int result = rotation_apply(&state->delegate, DELEGATE_VALUES_MAX, OWN_CHALLENGE_EXPIRY_S, change->value,
                                change->len, now_s);
    state->write_delegate = result == 0;
    return result;
}

static int decide_clear(struct change_request *request, struct change_state *state, int64_t now_s)
{
    const struct own_change *change = (const struct own_change *)request;
    struct delegate_state *delegate = &state->delegate;
    unsigned kept = 0;
    (void)now_s;
    for (unsigned i = 0; delegate->version > 0 && i < delegate->values_count; i++) {
        const struct delegate_value *value = &delegate->values[i];
        bool goes = change->value == NULL ||
                    (value->len == change->len && memcmp(value->text, change->value, change->len) == 0);
        if (!goes && kept++ != i) {
            delegate->values[kept - 1] = *value;
        }
    }
    state->write_delegate = delegate->version > 0 && kept < delegate->values_count;
    if (state->write_delegate) {
        delegate->values_count = (uint8_t)kept;
    }
    return 0;
}

static void complete(struct change_request *request, int result)
{
    struct own_change *change = (struct own_change *)request;
    struct own_challenge *challenge = change->challenge;
    pthread_mutex_lock(&challenge->lock);
    change->result = result;
    change->done = true;
    pthread_cond_signal(&challenge->completed);
    pthread_mutex_unlock(&challenge->lock); /* the change is gone now */
}

/* --- On the caller's --- */

static int submit_and_wait(struct own_challenge *challenge, struct own_change *change)
{
    change->challenge = challenge;
    change->request.zone = atomic_load_explicit(&challenge->zone, memory_order_relaxed);
    (void)delegate_id_parse(CONFIG_RESERVED_DELEGATE, DELEGATE_ID_TEXT_LEN, &change->request.delegate);
    change->request.decide = change->clears ? decide_clear : decide_publish;
    change->request.complete = complete;
    int result = committer_submit(challenge->committer, &change->request);
    if (result != 0) {
        return result;
    }
    pthread_mutex_lock(&challenge->lock);
    while (!change->done) { /* the committer completes every request it took */
        pthread_cond_wait(&challenge->completed, &challenge->lock);
    }
    pthread_mutex_unlock(&challenge->lock);
    return change->result;
}

int own_challenge_publish(struct own_challenge *challenge, const char *value, size_t len)
{
    if (len == 0 || len > DELEGATE_VALUE_LEN_MAX) {
        return TXTD_EINVAL;
    }
    struct own_change change = {.value = value, .len = len};
    return submit_and_wait(challenge, &change);
}

int own_challenge_clear(struct own_challenge *challenge, const char *value, size_t len)
{
    struct own_change change = {.value = value, .len = len, .clears = true};
    return submit_and_wait(challenge, &change);
}

void own_challenge_move(struct own_challenge *challenge, uint16_t zone)
{
    atomic_store_explicit(&challenge->zone, zone, memory_order_relaxed);
}

int own_challenge_new(struct committer *committer, uint16_t zone, struct own_challenge **made)
{
    struct own_challenge *challenge = calloc(1, sizeof *challenge);
    if (challenge == NULL) {
        return TXTD_ENOMEM;
    }
    challenge->committer = committer;
    pthread_mutex_init(&challenge->lock, NULL);
    pthread_cond_init(&challenge->completed, NULL);
    own_challenge_move(challenge, zone);
    *made = challenge;
    return 0;
}

void own_challenge_free(struct own_challenge *challenge)
{
    if (challenge != NULL) {
        pthread_cond_destroy(&challenge->completed);
        pthread_mutex_destroy(&challenge->lock);
        free(challenge);
    }
}
