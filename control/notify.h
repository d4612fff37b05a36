/* notify.h: tells the service manager how txtd is doing (the sd_notify protocol).
 *
 * A datagram to the socket that NOTIFY_SOCKET names; without that variable nothing happens. Main thread.
 */
#ifndef TXTD_CONTROL_NOTIFY_H
#define TXTD_CONTROL_NOTIFY_H

/* Ready to serve, at start and after each reload, the failed ones included: the service goes on. */
void notify_ready(const char *status);

/* A reload begins; notify_ready ends it. */
void notify_reloading(void);

/* The end has begun. */
void notify_stopping(void);

#endif
