/* api_call.h: a request to the API, and what is said when it fails. One thread; waits. */
#ifndef TXTD_CONTROL_TXTCTL_API_CALL_H
#define TXTD_CONTROL_TXTCTL_API_CALL_H

#include <jansson.h>

#include "control/txtctl/api_client.h"
#include "control/txtctl/options.h"

/* A client of the API at `url` with the options' settings. */
struct api_client api_call_client(const struct options *options, const char *url);

/* Returns TXTCTL_DONE with the object that was answered in *json (the caller's; json_decref; NULL when the answer has no body), else
 * everything is said already and *json is NULL. */
enum txtctl_status api_call(const struct options *options, const char *url, const struct api_client_request *request,
                            json_t **json);

#endif
