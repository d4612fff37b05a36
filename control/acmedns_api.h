/* acmedns_api.h: the API of acme-dns: /register, /update, /health.
 *
 * Served at the root and below /api/v1/acme-dns-compat, and with /t/<token> in front of either or behind it, for clients that
 * know nothing but a base URL. The token matters to /register alone, and only while registration asks for one: it may be withdrawn,
 * and registration opened to all or closed, while clients with such a base URL go on.
 */
#ifndef TXTD_CONTROL_ACMEDNS_API_H
#define TXTD_CONTROL_ACMEDNS_API_H

#include "control/api_path.h"
#include "control/http_server.h"

struct health;
struct service;

/* Answers the exchange, now or when its change is done; 404 for paths that are none of ours. `token` is what stood in front
 * of the path as /t/<token>, or absent. Loop thread. */
void acmedns_api_handle(struct service *service, const struct health *health, struct api_path path,
                        struct http_text token, struct http_exchange *exchange);

#endif
