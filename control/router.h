/* router.h: which handler answers a request: by the listener's site, then by the path.
 *
 *   public site    /register, /update, /health and the same below /api/v1/acme-dns-compat (acmedns_api.h), the native API
 *                  below /api/v1 (native_api.h), /openapi.json, /livez, /readyz; each also below /t/<token>
 *   internal site  /metrics, /health, /livez, /readyz
 */
#ifndef TXTD_CONTROL_ROUTER_H
#define TXTD_CONTROL_ROUTER_H

#include "control/metrics.h"

struct backup_job;
struct health;
struct http_exchange;
struct service;

/* Filled by main between http_server_bind, which is handed its address, and http_server_start. All borrowed. */
struct router {
    struct service *service;
    struct backup_job *backup;
    const struct health *health;
    struct metrics_sources metrics;
};

/* An http_handler_fn; `context` is a const struct router *. */
void router_handle(void *context, struct http_exchange *exchange);

#endif
