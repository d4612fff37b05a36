/* api_login.h: who asks, for every handler that needs an account. */
#ifndef TXTD_CONTROL_API_LOGIN_H
#define TXTD_CONTROL_API_LOGIN_H

#include <stdbool.h>

#include "control/api_answer.h"
#include "control/service.h"

/* Logs the request's account in. Returns true with *login. Returns false when the handler has nothing more to do: the request
 * was answered, or is kept while its key is compared with an imported hash, after which it comes to the server's
 * handler once more, or is answered. Loop thread. */
bool api_login(struct service *service, const struct api_request *request, struct service_login *login);

#endif
