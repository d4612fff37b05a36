#include "control/backup_job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/backup_path.h"
#include "control/credentials.h"
#include "control/log.h"
#include "control/native_json.h"

#define LOWEST_PRIORITY 19

struct backup_job {
    struct store *store;
    char *allowed; /* store.backup_directory; NULL: none */
    struct log *log;
    pthread_t thread;
    pthread_mutex_t
        lock; /* guards the state and `stopping`; what follows is written before it runs, and then the thread's */
    pthread_cond_t wake;
    struct backup_state state;
    atomic_bool stopping; /* the store looks at it, too */
    unsigned keep;
    char token_id[CREDENTIALS_TOKEN_ID_LEN + 1];
    char client[BACKUP_JOB_CLIENT_MAX];
    uid_t uid;
    int fd;
};

json_t *backup_job_report(const struct backup_report *report)
{
    return json_pack("{s:b, s:I, s:o, s:I, s:I, s:I}", "ok", true, "number", (json_int_t)report->number, "made_at",
                     native_json_time(report->made_at_s), "octets", (json_int_t)report->octets, "files",
                     (json_int_t)report->files, "kept", (json_int_t)report->kept);
}

/* --- The thread --- */

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

/* A backup is a copy of every key's hash and every name: who had it made belongs into the audit log. */
static void tell(const struct backup_job *job, const char *directory, int code, const struct backup_report *report,
                 const struct error_detail *detail)
{
    if (code != 0) {
        log_event(job->log, LOG_LEVEL_ERROR, "backup.failed", log_text("directory", directory),
                  log_text("error", detail->text));
        return;
    }
    log_event(job->log, LOG_LEVEL_INFO, "backup.end", log_text("directory", directory),
              log_uint("number", report->number), log_uint("octets", report->octets), log_uint("files", report->files),
              log_uint("kept", report->kept));
    if (job->token_id[0] != '\0') {
        log_audit(job->log, "backup.made", log_text("by", "operator"), log_text("token", job->token_id),
                  log_text("client", job->client), log_uint("number", report->number),
                  log_text("directory", directory));
    } else {
        log_audit(job->log, "backup.made", log_text("by", "local"), log_text("client", "local"),
                  log_uint("uid", job->uid), log_uint("number", report->number), log_text("directory", directory));
    }
}

/* Links are followed here and not before, for a disk that hangs must hang nobody else; and as late as may be, for they can change. */
static int copy(struct backup_job *job, const char *directory, struct backup_report *report,
                struct error_detail *detail)
{
    if (!backup_path_stays_inside(job->allowed, directory)) {
        return error_describe(detail, TXTD_EFORBIDDEN, "%.200s: a link leads out of store.backup_directory, %.200s",
                              directory, job->allowed);
    }
    return store_backup(job->store, directory, job->keep, &job->stopping, report, detail);
}

static void make(struct backup_job *job, const char *directory)
{
    struct backup_report report = {0};
    struct error_detail detail = {""};
    log_event(job->log, LOG_LEVEL_INFO, "backup.begin", log_text("directory", directory));
    int code = copy(job, directory, &report, &detail);
    tell(job, directory, code, &report, &detail);
    int fd = job->fd;
    pthread_mutex_lock(&job->lock);
    struct backup_state *state = &job->state;
    state->failed = code != 0;
    state->failures += code != 0;
    if (code == 0) {
        state->report = report;
        state->succeeded_at_s = time(NULL);
    }
    state->detail = detail;
    state->runs = false;
    pthread_mutex_unlock(&job->lock);
    /* The next one may begin now; this one's caller is answered last, so that it finds the job free. */
    if (fd >= 0) {
        answer(fd, code == 0 ? backup_job_report(&report) : json_pack("{s:s}", "error", detail.text));
    }
}

static void *run(void *argument)
{
    struct backup_job *job = argument;
    (void)setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY); /* on Linux: of this thread */
    pthread_mutex_lock(&job->lock);
    while (job->state.runs || !job->stopping) {
        if (job->state.runs) {
            char directory[sizeof job->state.directory];
            memcpy(directory, job->state.directory, sizeof directory);
            pthread_mutex_unlock(&job->lock);
            make(job, directory);
            pthread_mutex_lock(&job->lock);
        } else {
            pthread_cond_wait(&job->wake, &job->lock);
        }
    }
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

/* --- Asking --- */

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
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    if (pthread_create(&made->thread, NULL, run, made) != 0) {
        free(made->allowed);
        free(made);
        return TXTD_ESYS;
    }
    (void)pthread_setname_np(made->thread, "txtd-backup");
    *job = made;
    return 0;
}

/* Whether the path is the allowed directory or below it, by its letters: no "..", no way around. */
static bool is_allowed(const char *allowed, const char *path)
{
    size_t len = strlen(allowed);
    while (len > 1 && allowed[len - 1] == '/') {
        len--;
    }
    if (strncmp(path, allowed, len) != 0 || (len > 1 && path[len] != '/' && path[len] != '\0')) {
        return false;
    }
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2) {
        if (at > path && at[-1] == '/' && (at[2] == '/' || at[2] == '\0')) {
            return false;
        }
    }
    return true;
}

/* The whole path of what is asked for. */
static int whole_path(const char *allowed, const char *asked, char path[BACKUP_JOB_PATH_MAX + 1],
                      struct error_detail *detail)
{
    int len = asked == NULL     ? snprintf(path, BACKUP_JOB_PATH_MAX + 1, "%s", allowed)
              : asked[0] == '/' ? snprintf(path, BACKUP_JOB_PATH_MAX + 1, "%s", asked)
                                : snprintf(path, BACKUP_JOB_PATH_MAX + 1, "%s/%s", allowed, asked);
    if (len > BACKUP_JOB_PATH_MAX || !is_allowed(allowed, path)) {
        return error_describe(detail, TXTD_EFORBIDDEN,
                              "%.200s is not below store.backup_directory, %.200s: a running txtd writes nowhere else",
                              asked == NULL ? "" : asked, allowed);
    }
    return 0;
}

static void take(struct backup_job *job, const struct backup_request *request, const char *path)
{
    memcpy(job->state.directory, path, strlen(path) + 1);
    (void)snprintf(job->token_id, sizeof job->token_id, "%s", request->token_id == NULL ? "" : request->token_id);
    (void)snprintf(job->client, sizeof job->client, "%s", request->client == NULL ? "" : request->client);
    job->keep = request->keep;
    job->uid = request->uid;
    job->fd = request->fd;
    job->state.runs = true;
}

int backup_job_begin(struct backup_job *job, const struct backup_request *request, struct error_detail *detail)
{
    char path[BACKUP_JOB_PATH_MAX + 1];
    if (job->allowed == NULL) {
        return error_describe(detail, TXTD_ENOTFOUND,
                              "store.backup_directory is not configured: a running txtd makes no backups without it");
    }
    int code = whole_path(job->allowed, request->directory, path, detail);
    if (code != 0) {
        return code;
    }
    pthread_mutex_lock(&job->lock);
    code = job->stopping ? TXTD_ECLOSED : job->state.runs ? TXTD_EEXISTS : 0;
    if (code == 0) {
        take(job, request, path);
    }
    pthread_mutex_unlock(&job->lock);
    pthread_cond_signal(&job->wake);
    return code == 0 ? 0
                     : error_describe(detail, code,
                                      code == TXTD_EEXISTS ? "another backup is being made" : "txtd is stopping");
}

void backup_job_state(struct backup_job *job, struct backup_state *state)
{
    pthread_mutex_lock(&job->lock);
    *state = job->state;
    pthread_mutex_unlock(&job->lock);
}

void backup_job_free(struct backup_job *job)
{
    if (job == NULL) {
        return;
    }
    pthread_mutex_lock(&job->lock);
    job->stopping = true;
    pthread_mutex_unlock(&job->lock);
    pthread_cond_signal(&job->wake);
    (void)pthread_join(job->thread, NULL);
    pthread_cond_destroy(&job->wake);
    pthread_mutex_destroy(&job->lock);
    free(job->allowed);
    free(job);
}
