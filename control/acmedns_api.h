/* acmedns_api.h: the API of acme-dns: /register, /update, /health.
 *
 * Served at the root and below /api/v1/acme-dns-compat, and below /t/<token> of either unless registration is open to all, for
 * clients that know nothing but a base URL. The token matters to /register alone: it may be withdrawn while accounts
 * made with it live on.
 */
#ifndef TXTD_CONTROL_ACMEDNS_API_H
#define TXTD_CONTROL_ACMEDNS_API_H

#include "control/api_path.h"
#include "control/http_server.h"

struct health;
struct service;

/* Answers the exchange, now or when its change is done; 404 for paths that are none of ours. Loop thread. */
void acmedns_api_handle(struct service *service, const struct health *health, struct api_path path,
                        struct http_exchange *exchange);

#endif
