/* directory_watch.h: progress of work that fills a directory: how many octets are in it now. */
#ifndef TXTD_CONTROL_TXTCTL_DIRECTORY_WATCH_H
#define TXTD_CONTROL_TXTCTL_DIRECTORY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct directory_watch;

/* Octets of the files in a directory and below; 0 when it is not there. */
uint64_t directory_watch_octets(const char *path);

/* Shows the progress (progress.h) until directory_watch_end: `what` is static; `of` octets are expected to come to those that
 * are there now. Nothing, and NULL, where standard error is no terminal. */
struct directory_watch *directory_watch_begin(const char *what, const char *path, uint64_t of);
void directory_watch_end(struct directory_watch *watch, bool finished); /* progress_end */

#endif
