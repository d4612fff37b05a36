/* certificate_watch.h: sees that the certificate or its key was replaced.
 *
 * By looking (stat) once a second, following links: that sees a file renamed over the old one, one written in place, and the
 * exchange of a directory behind a symbolic link by which Kubernetes updates a mounted Secret; and it needs no system call
 * that the filter would have to allow. A change counts once both files have been the same for two looks, for the two are
 * hardly ever replaced in one moment.
 *
 * One thread.
 */
#ifndef TXTD_CONTROL_CERTIFICATE_WATCH_H
#define TXTD_CONTROL_CERTIFICATE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What tells two states of a file apart; all zero for a file that is not there. */
struct certificate_file_state {
    uint64_t device, inode, size;
    struct timespec modified, changed;
};

struct certificate_watch {
    const char *files[2]; /* borrowed */
    struct certificate_file_state loaded[2];
    struct certificate_file_state seen[2];
};

/* The files as they are now are those in use. */
void certificate_watch_begin(struct certificate_watch *watch, const char *certificate, const char *key);

/* Looks. Returns true once for each new state that has lasted for two looks and has both files: load them now. */
bool certificate_watch_look(struct certificate_watch *watch);

#endif
