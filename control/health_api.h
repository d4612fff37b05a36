/* health_api.h: /health, /livez and /readyz, from the last background probe. */
#ifndef TXTD_CONTROL_HEALTH_API_H
#define TXTD_CONTROL_HEALTH_API_H

#include "control/api_answer.h"

struct health;

enum health_api_question {
    HEALTH_API_LIVE,  /* does the process run? It answers, so: 200 */
    HEALTH_API_READY, /* may it be sent DNS queries? Store trouble must never take DNS out of service */
    HEALTH_API_WHOLE, /* does all of it work? */
};

/* Answers GET and HEAD with 200, or 503 and the reason; other methods with 405. Loop thread. `request->methods` need not be
 * set. */
void health_api_handle(const struct health *health, enum health_api_question question,
                       const struct api_request *request);

#endif
