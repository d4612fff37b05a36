/* progress.h: how far a long command is, on standard error when that is a terminal; else nothing. */
#ifndef TXTD_CONTROL_TXTCTL_PROGRESS_H
#define TXTD_CONTROL_TXTCTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *what; /* static: "importing accounts" */
    bool shown;       /* standard error is a terminal */
    int64_t next_ms;  /* not drawn again before */
};

struct progress progress_begin(const char *what);

/* `done` of `of` (0: it is not known). May be called as often as one likes. */
void progress_show(struct progress *progress, size_t done, size_t of);

/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
