/* account_call.h: requests to the API in an account's name, and what is said when they fail. */
#ifndef TXTD_CONTROL_TXTCTL_ACCOUNT_CALL_H
#define TXTD_CONTROL_TXTCTL_ACCOUNT_CALL_H

#include <jansson.h>

#include "control/txtctl/api_client.h"
#include "control/txtctl/options.h"

/* Says the detail on standard error. Returns TXTCTL_FAILED. */
enum txtctl_status account_call_failed(const struct error_detail *detail);

/* Says what the server answered and what may be done about it. Returns TXTCTL_REFUSED. */
enum txtctl_status account_call_refused(const struct api_client_reply *reply);

/* The member `name` of an object; "" when it is missing or no string. Belongs to the object. */
const char *account_call_text(const json_t *object, const char *name);

/* Prints it on standard output, indented. */
void account_call_print(const json_t *json);

/* A client of the API at `url` with the options' settings. */
struct api_client account_call_client(const struct options *options, const char *url);

/* The account that the options name. The caller owns *account (json_decref). What is wrong is said on standard error. */
enum txtctl_status account_call_account(const struct options *options, json_t **account);

/* Sends a request in the account's name to --url, else to the account's own server_url. `body` NULL: a GET, else a POST.
 * Returns TXTCTL_DONE with the object that was answered in *json (the caller's; json_decref), else everything is said already. */
enum txtctl_status account_call(const struct options *options, const json_t *account, const char *path,
                                const json_t *body, json_t **json);

#endif
