/* audit.h: the audit log: every change as one line of JSON in a file.
 *
 *   {"ts":"...","level":"info","event":"delegate.updated","delegate":"...","zone":"...","account":"...","by":"account","key_id":1,
 *    "client":"192.0.2.1","value":"...","revision":7}
 *
 * `by` says who: account (with key_id), operator or token (a registration token; with `token`, the first digits of its SHA-256), anyone
 * (registration is open to all), txtd itself, or local (the control socket).
 *
 * Lines come through log_audit (log.h) and never hold a secret: a challenge value is public, a key is named by its id. They wait
 * in a bounded buffer for a thread of their own, for a file can make its writer wait. When the buffer is full, or the file
 * takes no more, lines are left out, the next one that is written is preceded by {"event":"audit.lost","lines":n}, and the log
 * says so once.
 *
 * There may be no file: then lines go nowhere until audit_file_change names one.
 */
#ifndef TXTD_CONTROL_AUDIT_H
#define TXTD_CONTROL_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

struct audit;
struct log;

#define AUDIT_BUFFER_LEN (1u << 20) /* octets that may wait; twice that is the memory it takes */

/* Starts the thread. `log` is borrowed, may be NULL. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int audit_start(struct log *log, struct audit **made);

/* Opens the file (made with mode 0640, always appended to; NULL: none) and goes over to it, also if it is the same path: that is
 * how a rotated file is let go. What waits is written to the new one. Any one thread.
 * Returns 0, or TXTD_ESYS or TXTD_EINVAL (no regular file) with a `detail`; then the old file stays. */
int audit_file_change(struct audit *audit, const char *file, struct error_detail *detail);

/* Adds a whole line. Any thread; never waits for the disk. */
void audit_append(struct audit *audit, const char *line, size_t len);

/* Lines left out since the start. Any thread. */
uint64_t audit_lost(const struct audit *audit);

/* Writes what waits, ends the thread, closes the file. Nobody may append any more. NULL is fine. */
void audit_stop(struct audit *audit);

#endif
