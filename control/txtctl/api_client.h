/* api_client.h: requests to txtd's API over HTTPS (libcurl). */
#ifndef TXTD_CONTROL_TXTCTL_API_CLIENT_H
#define TXTD_CONTROL_TXTCTL_API_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "dataplane/error.h"

struct api_client {
    const char *url; /* base, with or without a final slash */
    const char *ca;  /* PEM file, or NULL */
    bool insecure;
    bool plain; /* http:// will do as well; for what is no secret */
    unsigned timeout_s;
};

struct api_client_request {
    const char *path;           /* behind the base, "/register" */
    const char *username, *key; /* or NULL */
    const char *token;          /* the operator's, for Authorization: Bearer (RFC 6750 section 2.1), or NULL */
    const char *method;         /* NULL: GET, or POST when there is a body */
    const json_t *body;         /* or NULL */
};

#define API_CLIENT_REPLY_MAX (1 << 20) /* octets of an answer; a page of a list has the most */

struct api_client_reply {
    long status;  /* of HTTP */
    json_t *json; /* NULL when the answer is none; the caller's */
};

/* Asks and waits. Returns 0 whatever the status; TXTD_ESYS, TXTD_EINVAL or TXTD_ENOMEM with a `detail` when there is no
 * answer. */
int api_client_call(const struct api_client *client, const struct api_client_request *request,
                    struct api_client_reply *reply, struct error_detail *detail);

#endif
