/* backup_job.h: a backup of the running txtd's store, asked for through the control socket or by the operator's POST /backup.
 *
 * One at a time, on a thread of its own at the lowest priority: whoever asks never waits for it. Written is only in or
 * below store.backup_directory, whoever asks.
 */
#ifndef TXTD_CONTROL_BACKUP_JOB_H
#define TXTD_CONTROL_BACKUP_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "dataplane/error.h"
#include "storage/backup.h"

struct backup_job;
struct log;
struct store;

#define BACKUP_JOB_PATH_MAX   4000 /* octets of a directory's path */
#define BACKUP_JOB_CLIENT_MAX 46   /* an address as text, and a NUL */

/* What is asked for, and by whom, for the audit log. */
struct backup_request {
    const char *directory; /* a path, or one that begins in store.backup_directory; NULL: that itself. Copied */
    unsigned keep;         /* the newest so many stay; 0: all */
    const char
        *token_id;      /* of the operator's token (credentials.h); NULL: it comes through the control socket. Copied */
    const char *client; /* the operator's address; NULL: as above. Copied */
    uid_t uid;          /* of who asks through the control socket */
    int fd; /* gets the answer, one line of JSON as the control socket writes it, and is closed; -1: nobody waits */
};

/* What has become of backups. All zero: none was asked for. */
struct backup_state {
    bool runs;
    bool failed;                 /* the last one that has ended */
    uint64_t failures;           /* since the start */
    int64_t succeeded_at_s;      /* wall clock, when the last one that worked ended; 0: none has since the start */
    struct backup_report report; /* of that one */
    char directory[BACKUP_JOB_PATH_MAX + 1]; /* of the one that runs, or has ended last */
    struct error_detail detail;              /* why the last one failed, if it did */
};

/* Starts the thread. `directory` is store.backup_directory, or NULL: none may be made. `store` and `log`, which may be NULL, are
 * borrowed. Start-up thread. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int backup_job_new(struct store *store, const char *directory, struct log *log, struct backup_job **job);

/* Begins a backup. Any thread; never waits, and touches no disk: that a link leads out of the directory is a backup that failed.
 * Returns 0: `request->fd`, if there is one, belongs to the job; or TXTD_ENOTFOUND (no
 * directory is configured), TXTD_EFORBIDDEN (outside of it by its letters), TXTD_EEXISTS (one runs) or TXTD_ECLOSED with a `detail`,
 * and the fd is as it was. */
int backup_job_begin(struct backup_job *job, const struct backup_request *request, struct error_detail *detail);

/* Any thread. */
void backup_job_state(struct backup_job *job, struct backup_state *state);

/* Takes no more, stops one that runs, which fails then, and frees. Waited for is only RocksDB's copying of files, which nothing interrupts.
 * Nobody may ask any more; the store is still open. NULL is fine. */
void backup_job_free(struct backup_job *job);

/* What a report says, for the answer: number, made_at (ISO 8601), octets, files, kept. */
json_t *backup_job_report(const struct backup_report *report);

#endif
