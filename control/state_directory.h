/* state_directory.h: the directory that holds what txtd makes for itself: the store and the self-signed certificate.
 *
 * Used once at start, while still the user that started txtd, and on behalf of the one it will become.
 */
#ifndef TXTD_CONTROL_STATE_DIRECTORY_H
#define TXTD_CONTROL_STATE_DIRECTORY_H

#include <stdbool.h>

#include "control/config.h"
#include "control/privileges.h"

/* What state_directory_prepare made, so that a start that fails afterwards can take it back. */
struct state_made {
    const char *directory;   /* NULL: it was there */
    const char *certificate; /* NULL: it was there, or is not self-signed */
    const char *key;
};

/* What can be told without touching anything: whether something is in the place of the state directory, if it is needed.
 * Returns 0, or TXTD_EINVAL with a `detail`. Main thread. */
int state_directory_check(const struct config *config, struct error_detail *detail);

/* Makes the state directory (mode 0700) if something is to be in it and it is not there, and the self-signed
 * certificate if the configuration wants one and neither file is there, or a start that was killed left it half made; both belong to
 * `identity`. Start-up thread, before privileges are dropped. Returns 0 or a code with a
 * `detail`; *made is filled either way. */
int state_directory_prepare(const struct config *config, const struct privileges_identity *identity,
                            struct state_made *made, struct error_detail *detail);

/* Removes what was made. */
void state_directory_undo(const struct state_made *made);

#endif
