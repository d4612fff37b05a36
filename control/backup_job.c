#include "control/backup_job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/backup_path.h"
#include "control/log.h"

#define LOWEST_PRIORITY 19

struct backup_job {
    struct store *store;
    char *allowed; /* store.backup_directory; NULL: none */
    struct log *log;
    pthread_t thread;
    bool begun;        /* the thread is to be joined */
    _Atomic bool runs; /* what follows is the thread's */
    char *directory;
    unsigned keep;
    int fd;
};

int backup_job_new(struct store *store, const char *directory, struct log *log, struct backup_job **job)
{
    struct backup_job *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TXTD_ENOMEM;
    }
    made->store = store;
    made->log = log;
    made->allowed = directory == NULL ? NULL : strdup(directory);
    if (directory != NULL && made->allowed == NULL) {
        free(made);
        return TXTD_ENOMEM;
    }
    *job = made;
    return 0;
}

json_t *backup_job_report(const struct backup_report *report)
{
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "ok", true, "number", (json_int_t)report->number, "made_at",
                     (json_int_t)report->made_at_s, "octets", (json_int_t)report->octets, "files",
                     (json_int_t)report->files, "kept", (json_int_t)report->kept);
}

static void answer(int fd, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    size_t len = text == NULL ? 0 : strlen(text);
    if (text != NULL) {
        text[len++] = '\n'; /* in the place of the NUL; it fits into the socket's buffer */
        (void)!send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    free(text);
    json_decref(json);
    (void)close(fd);
}

static void *run(void *argument)
{
    struct backup_job *job = argument;
    struct backup_report report;
    struct error_detail detail = {""};
    (void)setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY); /* on Linux: of this thread */
    log_event(job->log, LOG_LEVEL_INFO, "backup.begin", log_text("directory", job->directory));
    int code = store_backup(job->store, job->directory, job->keep, &report, &detail);
    if (code == 0) {
        log_event(job->log, LOG_LEVEL_INFO, "backup.end", log_text("directory", job->directory),
                  log_uint("number", report.number), log_uint("octets", report.octets), log_uint("files", report.files),
                  log_uint("kept", report.kept));
        answer(job->fd, backup_job_report(&report));
    } else {
        log_event(job->log, LOG_LEVEL_ERROR, "backup.failed", log_text("directory", job->directory),
                  log_text("error", detail.text));
        answer(job->fd, json_pack("{s:s}", "error", detail.text));
    }
    free(job->directory);
    atomic_store(&job->runs, false);
    return NULL;
}

/* Whether the path is the allowed directory or below it, by its letters: no "..", no way around. */
static bool is_allowed(const char *allowed, const char *path)
{
    size_t len = strlen(allowed);
    while (len > 1 && allowed[len - 1] == '/') {
        len--;
    }
    if (strncmp(path, allowed, len) != 0 || (path[len] != '/' && path[len] != '\0')) {
        return false;
    }
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2) {
        if (at[-1] == '/' && (at[2] == '/' || at[2] == '\0')) {
            return false;
        }
    }
    return true;
}

int backup_job_begin(struct backup_job *job, int fd, const char *directory, unsigned keep, struct error_detail *detail)
{
    if (job->allowed == NULL) {
        return error_describe(detail, TXTD_EFORBIDDEN,
                              "store.backup_directory is not configured: a running txtd makes no backups without it");
    }
    if (directory[0] != '/' || !is_allowed(job->allowed, directory)) {
        return error_describe(detail, TXTD_EFORBIDDEN,
                              "%s is not below store.backup_directory, %s: a running txtd writes nowhere else",
                              directory, job->allowed);
    }
    if (!backup_path_stays_inside(job->allowed, directory)) {
        return error_describe(detail, TXTD_EFORBIDDEN, "%s: a link leads out of store.backup_directory, %s", directory,
                              job->allowed);
    }
    if (atomic_load(&job->runs)) {
        return error_describe(detail, TXTD_EEXISTS, "another backup is being made");
    }
    if (job->begun) {
        (void)pthread_join(job->thread, NULL);
        job->begun = false;
    }
    job->directory = strdup(directory);
    job->keep = keep;
    job->fd = fd;
    atomic_store(&job->runs, true);
    if (job->directory == NULL || pthread_create(&job->thread, NULL, run, job) != 0) {
        free(job->directory);
        atomic_store(&job->runs, false);
        return error_describe(detail, TXTD_ESYS, "the backup's thread cannot be started");
    }
    (void)pthread_setname_np(job->thread, "txtd-backup");
    job->begun = true;
    return 0;
}

void backup_job_free(struct backup_job *job)
{
    if (job == NULL) {
        return;
    }
    if (job->begun) {
        (void)pthread_join(job->thread, NULL);
    }
    free(job->allowed);
    free(job);
}
