/* metrics_process.h: the process itself, under the names that Prometheus' own libraries use, for metrics.c. */
#ifndef TXTD_CONTROL_METRICS_PROCESS_H
#define TXTD_CONTROL_METRICS_PROCESS_H

struct metrics_page;
struct metrics_sources;

/* Any thread but a DNS worker. */
void metrics_write_process(struct metrics_page *page, const struct metrics_sources *sources);

#endif
