/* committer_batch.h: one commit's worth of requests: load, decide, commit. The committer thread's only.
 *
 * Each request decides on the state that the requests before it in the same batch leave behind, so that any number of
 * changes of one delegate can share a sync.
 */
#ifndef TXTD_STORAGE_COMMITTER_BATCH_H
#define TXTD_STORAGE_COMMITTER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/committer.h"

struct committer_batch;

/* What became of one request. */
struct batch_outcome {
    struct change_request *request;
    int result;                         /* 0, or the code with which to complete it now */
    const struct delegate_state *state; /* to be served, with `revision`; NULL: there is nothing new to serve */
    uint64_t revision;                  /* of its change; 0: it wrote nothing */
};

/* For at most `requests_max` requests at a time. Returns 0 or TXTD_ENOMEM. */
int committer_batch_new(size_t requests_max, struct committer_batch **batch);
void committer_batch_free(struct committer_batch *batch);

/* Forgets everything of the run before. */
void committer_batch_clear(struct committer_batch *batch);

/* Adds a request, behind those before. The caller keeps to requests_max. */
void committer_batch_add(struct committer_batch *batch, struct change_request *request);

/* Loads the states and lets each request decide. Returns how many changes there are to commit. */
size_t committer_batch_decide(struct committer_batch *batch, struct store *store, int64_t now_s);

/* Commits the changes. Returns store_commit's code. */
int committer_batch_commit(struct committer_batch *batch, struct store *store);

/* The outcomes, in the order of the requests; valid until committer_batch_clear. Each request appears once. */
size_t committer_batch_count(const struct committer_batch *batch);
struct batch_outcome committer_batch_outcome(const struct committer_batch *batch, size_t at);

#endif
