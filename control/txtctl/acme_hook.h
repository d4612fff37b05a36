/* acme_hook.h: the hook with which an ACME client proves the name of txtd's own API, through the control socket.
 *
 * What the client calls it with tells which client it is:
 *   uacme        begin|done|failed METHOD NAME TOKEN VALUE   (only dns-01 is taken: uacme then offers the next method)
 *   dehydrated   deploy_challenge|clean_challenge NAME TOKEN VALUE [NAME TOKEN VALUE]...; its other events are ignored
 *   certbot      no arguments, and CERTBOT_VALIDATION in the environment; CERTBOT_AUTH_OUTPUT too when it cleans up
 * Values may begin with '-', so arguments stand behind a "--".
 */
#ifndef TXTD_CONTROL_TXTCTL_ACME_HOOK_H
#define TXTD_CONTROL_TXTCTL_ACME_HOOK_H

#include <stdbool.h>

#define ACME_HOOK_VALUES_MAX 100

/* What is to be done. Strings are the caller's. */
struct acme_hook_call {
    bool publishes; /* else clears */
    bool declined;  /* nothing of ours: exit status 1 */
    const char *values[ACME_HOOK_VALUES_MAX];
    unsigned values_count;
};

/* Understands a hook's arguments (those behind the options) and the two variables, each NULL when not set.
 * Returns 0 or TXTD_EINVAL: no client calls like that. Pure. */
int acme_hook_understand(int count, char *const arguments[], const char *certbot_validation,
                         const char *certbot_auth_output, struct acme_hook_call *call);

#endif
