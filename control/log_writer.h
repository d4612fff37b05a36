/* log_writer.h: the lines that come by the thousand, one for each change, on their way to standard error.
 *
 * They wait in a bounded buffer for a thread of their own, which writes many at once: a write for each would cost a fifth of an
 * update, and a file can make its writer wait. When the buffer is full lines are left out, and the next one is preceded by
 * one that says how many: event=log.lost lines=n.
 */
#ifndef TXTD_CONTROL_LOG_WRITER_H
#define TXTD_CONTROL_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/log.h"

struct log_writer;

#define LOG_WRITER_BUFFER_LEN (1u << 18) /* octets that may wait; twice that is the memory it takes */
#define LOG_WRITER_DELAY_MS   5          /* how long lines are gathered */
#define LOG_WRITER_END_MS     1000       /* for what waits at the end, when nobody reads */

/* Starts the thread. `fd` is borrowed. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int log_writer_start(int fd, struct log_writer **made);

/* Adds a whole line; `format` is for the one that tells of a loss. Any thread; never waits for a write. */
void log_writer_append(struct log_writer *writer, enum log_format format, const char *line, size_t len);

/* Lines left out so far. Any thread. */
uint64_t log_writer_lost(struct log_writer *writer);

/* Writes what waits, ends the thread. Nobody may append any more. NULL is fine. */
void log_writer_stop(struct log_writer *writer);

#endif
