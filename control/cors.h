/* cors.h: which web pages may use the API (cross-origin resource sharing, https://fetch.spec.whatwg.org/#http-cors-protocol). */
#ifndef TXTD_CONTROL_CORS_H
#define TXTD_CONTROL_CORS_H

#include "control/http_server.h"
#include "control/service_rules.h"

#define CORS_HEADERS_MAX 5

/* Fills in the headers that an answer to this exchange carries beside its own: none without configured origins; always
 * `vary`, then; more for an origin that is allowed, and more again for a preflight (OPTIONS with
 * access-control-request-method). `methods` is what the path allows; `tagged` says that answers there have an ETag and changes
 * an If-Match. Returns how many. Loop thread; the values are constants or
 * belong to `rules`. */
unsigned cors_headers(const struct service_rules *rules, const struct http_exchange *exchange, const char *methods,
                      bool tagged, struct http_header headers[CORS_HEADERS_MAX]);

#endif
