/* metrics_api.h: GET /metrics. */
#ifndef TXTD_CONTROL_METRICS_API_H
#define TXTD_CONTROL_METRICS_API_H

#include "control/api_answer.h"
#include "control/metrics.h"

/* Answers GET and HEAD; other methods with 405. Loop thread. */
void metrics_api_handle(const struct metrics_sources *sources, const struct api_request *request);

#endif
