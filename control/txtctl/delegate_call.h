/* delegate_call.h: requests to the native API (/api/v1), in an account's name about its delegate or with the operator's token. */
#ifndef TXTD_CONTROL_TXTCTL_DELEGATE_CALL_H
#define TXTD_CONTROL_TXTCTL_DELEGATE_CALL_H

#include <jansson.h>

#include "control/txtctl/command.h"

/* What finds the operator's token. */
#define COMMAND_TAKES_OPERATOR COMMAND_TAKES(OPTION_TOKEN_FILE)

/* Each asks and waits. Returns TXTCTL_DONE with what was answered in *json (the caller's; json_decref; NULL when the answer has
 * no body), else everything is said already and *json is NULL. */

/* About the account's own delegate: `tail` stands behind /api/v1/delegates/<id>. `body` may be NULL. */
enum txtctl_status delegate_call(const struct options *options, const json_t *account, const char *method,
                                 const char *tail, const json_t *body, json_t **json);

/* As the operator: `path` stands behind /api/v1. */
enum txtctl_status delegate_call_operator(const struct options *options, const char *method, const char *path,
                                          json_t **json);

/* As the operator, about the delegate `id`: its UUID, or its name below the zone. */
enum txtctl_status delegate_call_operator_at(const struct options *options, const char *method, const char *id,
                                             const char *tail, json_t **json);

/* A command that is one request in the account's name: finds the account, asks, prints the answer if --json was given. */
enum txtctl_status delegate_call_simply(const struct options *options, const char *method, const char *tail,
                                        const json_t *body);

/* As delegate_call_simply, with the body {name: [the command's arguments]}. */
enum txtctl_status delegate_call_list(const struct options *options, const char *method, const char *tail,
                                      const char *name);

/* Looks at the command's only argument as the operator when there is one, else at the account's delegate: a GET. */
enum txtctl_status delegate_call_look(const struct options *options, const char *tail, json_t **json);

/* Percent-encodes `text` (RFC 3986 section 2.1) behind `before` into `into`. Returns 0, or TXTD_EFULL when it does not fit. */
int delegate_call_encode(const char *before, const char *text, char *into, size_t capacity);

#endif
