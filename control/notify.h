/* notify.h: tells the service manager how txtd is doing (the sd_notify protocol).
 *
 * A datagram to the socket that NOTIFY_SOCKET names; without that variable nothing happens. Main thread.
 */
#ifndef TXTD_CONTROL_NOTIFY_H
#define TXTD_CONTROL_NOTIFY_H

#include <stdint.h>

/* Ready to serve, at start and after each reload, the failed ones included: the service goes on. */
void notify_ready(const char *status);

/* A reload begins; notify_ready ends it. */
void notify_reloading(void);

/* Another process is the service from now on. Only who is the service so far is believed. */
void notify_successor(int64_t pid);

/* The end has begun. */
void notify_stopping(void);

#endif
