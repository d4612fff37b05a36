#include "control/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/log.h"

#define NO_CHANGE (-2)

struct audit {
    struct log *log;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all up to `lost` */
    pthread_cond_t wake;
    char *filling; /* AUDIT_BUFFER_LEN: what waits */
    size_t len;
    uint64_t left_out; /* lines, since one was written that says so */
    int next_fd;       /* to go over to; NO_CHANGE; -1: to none */
    bool has_file;     /* once the thread has gone over */
    bool stopping;
    _Atomic uint64_t lost;

    char *writing; /* the rest is the thread's own: AUDIT_BUFFER_LEN */
    int fd;
    bool failing;
};

/* --- Any thread --- */

void audit_append(struct audit *audit, const char *line, size_t len)
{
    pthread_mutex_lock(&audit->lock);
    if (!audit->has_file) {
        pthread_mutex_unlock(&audit->lock);
        return;
    }
    if (audit->len + len > AUDIT_BUFFER_LEN) {
        audit->left_out++;
        atomic_fetch_add_explicit(&audit->lost, 1, memory_order_relaxed);
    } else {
        memcpy(audit->filling + audit->len, line, len);
        audit->len += len;
    }
    pthread_mutex_unlock(&audit->lock);
    pthread_cond_signal(&audit->wake);
}

uint64_t audit_lost(const struct audit *audit)
{
    return atomic_load_explicit(&audit->lost, memory_order_relaxed);
}

static int open_file(const char *file, int *fd, struct error_detail *detail)
{
    struct stat status;
    *fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (*fd < 0) {
        return error_describe(detail, TXTD_ESYS, "log.audit_file %s: cannot be opened: %s", file, strerror(errno));
    }
    if (fstat(*fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)close(*fd);
        return error_describe(detail, TXTD_EINVAL, "log.audit_file %s: is not a regular file", file);
    }
    return 0;
}

int audit_file_change(struct audit *audit, const char *file, struct error_detail *detail)
{
    int fd = -1;
    int rc = file == NULL ? 0 : open_file(file, &fd, detail);
    if (rc != 0) {
        return rc;
    }
    pthread_mutex_lock(&audit->lock);
    int overtaken = audit->next_fd;
    audit->next_fd = fd;
    audit->has_file = fd >= 0;
    pthread_mutex_unlock(&audit->lock);
    pthread_cond_signal(&audit->wake);
    if (overtaken >= 0) {
        (void)close(overtaken);
    }
    return 0;
}

/* --- The thread --- */

static uint64_t count_lines(const char *text, size_t len)
{
    uint64_t lines = 0;
    for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))) != NULL; at++) {
        lines++;
    }
    return lines;
}

/* Returns the octets written; fewer than `len` when the file takes no more. */
static size_t write_all(int fd, const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t count = write(fd, text + at, len - at);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        at += (size_t)count;
    }
    return at;
}

/* Says how many lines are missing before those that follow. Returns false when that cannot be written either. */
static bool write_loss(const struct audit *audit, uint64_t lines)
{
    char text[LOG_LINE_MAX];
    size_t len = log_format_line(LOG_FORMAT_JSON, LOG_LEVEL_ERROR, "audit.lost",
                                 (const struct log_field[]){log_uint("lines", lines), {.key = NULL}}, text);
    return write_all(audit->fd, text, len) == len;
}

static void write_lines(struct audit *audit, size_t len, uint64_t left_out)
{
    size_t written = 0;
    bool works = left_out == 0 || write_loss(audit, left_out);
    int error = errno;
    if (works) {
        written = write_all(audit->fd, audit->writing, len);
        error = errno;
        left_out = 0;
    }
    works = written == len;
    if (!works) {
        uint64_t lines = count_lines(audit->writing + written, len - written);
        if (written > 0 && audit->writing[written - 1] != '\n') {
            (void)!write(audit->fd, "\n", 1); /* a cut line is no JSON; the next one must not follow it */
        }
        atomic_fetch_add_explicit(&audit->lost, lines, memory_order_relaxed);
        pthread_mutex_lock(&audit->lock);
        audit->left_out += left_out + lines;
        pthread_mutex_unlock(&audit->lock);
    }
    if (!works && !audit->failing) {
        log_event(audit->log, LOG_LEVEL_ERROR, "audit.failed", log_text("error", strerror(error)),
                  log_text("hint", "changes go on, but are not in the audit log; is its disk full?"));
    }
    audit->failing = !works;
}

/* Waits for something to do and takes it: a file to go over to, lines in `writing`. Returns false at the end. */
static bool take(struct audit *audit, size_t *len, uint64_t *left_out)
{
    pthread_mutex_lock(&audit->lock);
    while (!audit->stopping && audit->next_fd == NO_CHANGE && audit->len == 0) {
        pthread_cond_wait(&audit->wake, &audit->lock);
    }
    bool go_on = !audit->stopping || audit->len > 0;
    int next_fd = audit->next_fd;
    char *full = audit->filling;
    *len = audit->len;
    *left_out = audit->left_out;
    audit->next_fd = NO_CHANGE;
    audit->filling = audit->writing;
    audit->writing = full;
    audit->len = 0;
    audit->left_out = 0;
    pthread_mutex_unlock(&audit->lock);
    if (next_fd != NO_CHANGE) {
        if (audit->fd >= 0) {
            (void)close(audit->fd);
        }
        audit->fd = next_fd;
    }
    return go_on;
}

static void *run(void *argument)
{
    struct audit *audit = argument;
    size_t len;
    uint64_t left_out;
    while (take(audit, &len, &left_out)) {
        if (audit->fd >= 0 && (len > 0 || left_out > 0)) {
            write_lines(audit, len, left_out);
        }
    }
    return NULL;
}

static void audit_free(struct audit *audit)
{
    if (audit->fd >= 0) {
        (void)close(audit->fd);
    }
    pthread_cond_destroy(&audit->wake);
    pthread_mutex_destroy(&audit->lock);
    free(audit->filling);
    free(audit->writing);
    free(audit);
}

int audit_start(struct log *log, struct audit **made)
{
    struct audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL) {
        return TXTD_ENOMEM;
    }
    audit->log = log;
    audit->fd = -1;
    audit->next_fd = NO_CHANGE;
    pthread_mutex_init(&audit->lock, NULL);
    pthread_cond_init(&audit->wake, NULL);
    audit->filling = malloc(AUDIT_BUFFER_LEN); /* memory once it is used, not before */
    audit->writing = malloc(AUDIT_BUFFER_LEN);
    int rc = audit->filling == NULL || audit->writing == NULL ? TXTD_ENOMEM : 0;
    if (rc == 0 && pthread_create(&audit->thread, NULL, run, audit) != 0) {
        rc = TXTD_ESYS;
    }
    if (rc != 0) {
        audit_free(audit);
        return rc;
    }
    (void)pthread_setname_np(audit->thread, "txtd-audit");
    *made = audit;
    return 0;
}

void audit_stop(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    pthread_mutex_lock(&audit->lock);
    audit->stopping = true;
    pthread_mutex_unlock(&audit->lock);
    pthread_cond_signal(&audit->wake);
    (void)pthread_join(audit->thread, NULL);
    audit_free(audit);
}
