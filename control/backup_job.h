/* backup_job.h: a backup of the running txtd's store, asked for through the control socket.
 *
 * One at a time, on a thread of its own, which answers the one who asked when it is done: other commands are served
 * meanwhile. Written is only in or below store.backup_directory, whoever asks.
 */
#ifndef TXTD_CONTROL_BACKUP_JOB_H
#define TXTD_CONTROL_BACKUP_JOB_H

#include <jansson.h>

#include "dataplane/error.h"
#include "storage/backup.h"

struct backup_job;
struct log;
struct store;

/* `directory` is store.backup_directory, or NULL: none may be made. All is borrowed; `log` may be NULL. Returns 0 or TXTD_ENOMEM. */
int backup_job_new(struct store *store, const char *directory, struct log *log, struct backup_job **job);

/* Begins a backup in `directory` that keeps the newest `keep` (0: all). Returns 0: `fd` will get the answer, one line of
 * JSON as the control socket writes it, and is closed; or a code with a `detail`, and `fd` is as it was. The control socket's thread. */
int backup_job_begin(struct backup_job *job, int fd, const char *directory, unsigned keep, struct error_detail *detail);

/* Waits for one that runs, and frees. The control socket has ended; the store is still open. NULL is fine. */
void backup_job_free(struct backup_job *job);

/* What a report says, for the answer: number, made_at (ISO 8601), octets, files, kept. */
json_t *backup_job_report(const struct backup_report *report);

#endif
