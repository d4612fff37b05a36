/* delegate_call.h: requests to the native API (/api/v1), in an account's name about its delegate or with the operator's token. */
#ifndef TXTD_CONTROL_TXTCTL_DELEGATE_CALL_H
#define TXTD_CONTROL_TXTCTL_DELEGATE_CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "control/txtctl/command.h"

/* What finds the operator's token. */
#define COMMAND_TAKES_OPERATOR COMMAND_TAKES(OPTION_TOKEN_FILE)

/* Each asks and waits. Returns TXTCTL_DONE with what was answered in *json (the caller's; json_decref; NULL when the answer has
 * no body), else everything is said already and *json is NULL. */

/* About the account's own delegate: `tail` stands behind /api/v1/delegates/<id>. `body` may be NULL. */
enum txtctl_status delegate_call(const struct options *options, const json_t *account, const char *method,
                                 const char *tail, const json_t *body, json_t **json);

/* As the operator: `path` stands behind /api/v1. `body` may be NULL. */
enum txtctl_status delegate_call_operator(const struct options *options, const char *method, const char *path,
                                          const json_t *body, json_t **json);

/* As the operator, about the delegate `id`: its UUID, or its name below the zone. */
enum txtctl_status delegate_call_operator_at(const struct options *options, const char *method, const char *id,
                                             const char *tail, const json_t *body, json_t **json);

/* Whether the text has the form of a delegate's UUID, or of its name below the zone. Pure. */
bool delegate_call_names_one(const char *text);

/* A command that is one request in the account's name: finds the account, asks, prints the answer if --json was given. */
enum txtctl_status delegate_call_simply(const struct options *options, const char *method, const char *tail,
                                        const json_t *body);

/* The body {name: [the command's arguments from the one with this index on]}; the caller's. NULL: one is no UTF-8, which is said. */
json_t *delegate_call_list_body(const struct options *options, size_t first, const char *name);

/* As delegate_call_simply, with all of the command's arguments as such a body. */
enum txtctl_status delegate_call_list(const struct options *options, const char *method, const char *tail,
                                      const char *name);

/* Looks at the command's only argument as the operator when there is one, else at the account's delegate: a GET. */
enum txtctl_status delegate_call_look(const struct options *options, const char *tail, json_t **json);

/* Percent-encodes `text` (RFC 3986 section 2.1) behind `before` into `into`. Returns 0, or TXTD_EFULL when it does not fit. */
int delegate_call_encode(const char *before, const char *text, char *into, size_t capacity);

#endif
