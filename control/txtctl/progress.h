/* progress.h: how far a long command is, on standard error when that is a terminal; else nothing. */
#ifndef TXTD_CONTROL_TXTCTL_PROGRESS_H
#define TXTD_CONTROL_TXTCTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *what; /* static: "importing accounts" */
    bool shown;
    size_t done, of; /* as it was told last, drawn or not */
    int64_t next_ms; /* not drawn again before */
};

/* `prints`: the command prints on standard output meanwhile. If that is a terminal, nothing is shown between its lines. */
struct progress progress_begin(const char *what, bool prints);

/* `done` of `of` (0: it is not known). May be called as often as one likes. */
void progress_show(struct progress *progress, size_t done, size_t of);

/* Leaves the line as it is at the end, a full bar or the last number, when the work is `finished`; else takes it away. */
void progress_end(struct progress *progress, bool finished);

#endif
