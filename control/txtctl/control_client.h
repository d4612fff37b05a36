/* control_client.h: one request to a running txtd's control socket. */
#ifndef TXTD_CONTROL_TXTCTL_CONTROL_CLIENT_H
#define TXTD_CONTROL_TXTCTL_CONTROL_CLIENT_H

#include <jansson.h>

#include "control/txtctl/options.h"

/* Asks the socket of --socket for at most --timeout and takes the request over (NULL: the value was no UTF-8). Returns TXTCTL_DONE
 * with the reply, an object which the caller frees; or the exit status with *reply NULL, everything being said already:
 * TXTCTL_REFUSED when txtd will not. */
enum txtctl_status control_client_call(const struct options *options, json_t *request, json_t **reply);

#endif
