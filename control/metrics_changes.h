/* metrics_changes.h: the way of a change through committer, store, feed and table, for metrics.c. */
#ifndef TXTD_CONTROL_METRICS_CHANGES_H
#define TXTD_CONTROL_METRICS_CHANGES_H

struct metrics_page;
struct metrics_sources;

/* Any thread but a DNS worker. */
void metrics_write_changes(struct metrics_page *page, const struct metrics_sources *sources);

#endif
