/* notify.h: tells the service manager how txtd is doing (the sd_notify protocol).
 *
 * A datagram to the socket that NOTIFY_SOCKET names; without that variable nothing happens. Main thread, but where it says
 * otherwise.
 */
#ifndef TXTD_CONTROL_NOTIFY_H
#define TXTD_CONTROL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#define NOTIFY_GROUPS_MAX 1024 /* with the NUL */

/* Ready to serve, at start and after each reload, the failed ones included: the service goes on. */
void notify_ready(const char *status);

/* A reload begins; notify_ready ends it. */
void notify_reloading(void);

/* Another process is the service from now on. Only who is the service so far is believed. */
void notify_successor(int64_t pid);

/* The control groups of this process, as /proc/self/cgroup has them; "" when they cannot be read. Any thread. */
void notify_own_groups(char groups[NOTIFY_GROUPS_MAX]);

/* Whether the service manager would believe that of a process with these control groups: it takes only one of the service's, and
 * else ends the service with the old process. True without a manager. `groups` may be NULL. Any thread. */
bool notify_takes_successor(const char *groups);

/* The end has begun. */
void notify_stopping(void);

#endif
