/* account_call.h: requests to the API in an account's name. One thread; they wait. */
#ifndef TXTD_CONTROL_TXTCTL_ACCOUNT_CALL_H
#define TXTD_CONTROL_TXTCTL_ACCOUNT_CALL_H

#include <jansson.h>

#include "control/txtctl/options.h"

/* The account that the options name. The caller owns *account (json_decref). What is wrong is said on standard error. */
enum txtctl_status account_call_account(const struct options *options, json_t **account);

/* Where the account's API is: --url, else its own server_url; "" when it has none. Belongs to either. Pure. */
const char *account_call_url(const struct options *options, const json_t *account);

/* Sends a request with the account's key there. `method` NULL: a GET, or with a `body` a POST. Returns as api_call does. */
enum txtctl_status account_call(const struct options *options, const json_t *account, const char *method,
                                const char *path, const json_t *body, json_t **json);

#endif
