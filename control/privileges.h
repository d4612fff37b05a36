/* privileges.h: gives up what the process no longer needs, once its sockets are bound.
 *
 * Order (DESIGN of the start): bind sockets, privileges_drop, open the store, start threads. Threads inherit what their
 * creator has at that moment, so all of this comes before the first one.
 */
#ifndef TXTD_CONTROL_PRIVILEGES_H
#define TXTD_CONTROL_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "dataplane/error.h"

/* Whom to become. */
struct privileges_identity {
    bool change; /* false: stay who we are */
    uid_t uid;
    gid_t gid;
};

/* Looks up a user and a group by name or number (`user` NULL: stay who we are; `group` NULL: the user's own). Start-up thread.
 * Returns 0, or TXTD_ENOTFOUND or TXTD_EFORBIDDEN (only root can become another) with a `detail`. */
int privileges_identity_find(const char *user, const char *group, struct privileges_identity *identity,
                             struct error_detail *detail);

/* Becomes `identity` without supplementary groups, gives up every capability, also those that a program could get back, and
 * sets no_new_privs. Start-up thread, the only one of the process. Returns 0 or TXTD_ESYS with a `detail`; after a failure
 * the process must end. */
int privileges_drop(const struct privileges_identity *identity, struct error_detail *detail);

#endif
