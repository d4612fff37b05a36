/* native_api.h: the resource-style API below /api/v1, as the table in native_api.c lists it and openapi.json describes it.
 *
 * An account's pair opens its own delegate, a token of the operator's (Authorization: Bearer) the operator's calls.
 */
#ifndef TXTD_CONTROL_NATIVE_API_H
#define TXTD_CONTROL_NATIVE_API_H

#include "control/api_path.h"
#include "control/http_server.h"

struct backup_job;
struct native_request;
struct service;

/* Answers a request below /api/v1; `path` stands behind that. `token` is what stood in front of it as /t/<token>, or absent.
 * Loop thread. */
void native_api_handle(struct service *service, struct backup_job *backup, struct api_path path, struct http_text token,
                       struct http_exchange *exchange);

/* One way in: a method at a path below /api/v1, where "{...}" stands for a segment that the client chooses. */
struct native_route {
    const char *method;
    const char *path; /* "delegates/{id}/values" */
    void (*handle)(struct native_request *request);
};

/* The table, and how many there are: for the test that compares it with openapi.json. */
const struct native_route *native_api_routes(size_t *count);

#endif
