/* native_api.h: the resource-style API below /api/v1.
 *
 *   GET /api/v1/delegates/{id}    the delegate of the account whose pair the request carries
 */
#ifndef TXTD_CONTROL_NATIVE_API_H
#define TXTD_CONTROL_NATIVE_API_H

#include "control/api_path.h"
#include "control/http_server.h"

struct service;

/* Answers a request below /api/v1; `path` stands behind that. Loop thread. */
void native_api_handle(struct service *service, struct api_path path, struct http_exchange *exchange);

#endif
