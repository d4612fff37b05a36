#include "control/log_writer.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/error.h"

#define POLL_MS 50

struct log_writer {
    int fd;
    size_t chunk; /* octets of a write that cannot wait once poll says that there is room */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows, up to `stopping` */
    pthread_cond_t wake;
    char *filling;
    size_t len;
    uint64_t left_out; /* lines, since one was added that says so */
    uint64_t lost;     /* lines, in all */
    bool waits;        /* the thread, for lines */
    bool stopping;
    char *writing; /* the thread's */
};

/* --- Any thread --- */

/* Under the lock. */
static bool put(struct log_writer *writer, const char *line, size_t len)
{
    if (writer->len + len > LOG_WRITER_BUFFER_LEN) {
        return false;
    }
    memcpy(writer->filling + writer->len, line, len);
    writer->len += len;
    return true;
}

static bool put_loss(struct log_writer *writer, enum log_format format)
{
    char text[LOG_LINE_MAX];
    size_t len = log_format_line(format, LOG_LEVEL_WARNING, "log.lost",
                                 (const struct log_field[]){log_uint("lines", writer->left_out), {.key = NULL}}, text);
    return put(writer, text, len);
}

void log_writer_append(struct log_writer *writer, enum log_format format, const char *line, size_t len)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->left_out > 0 && put_loss(writer, format)) {
        writer->left_out = 0;
    }
    if (writer->left_out > 0 || !put(writer, line, len)) {
        writer->left_out++;
        writer->lost++;
    }
    bool wake = writer->waits;
    writer->waits = false;
    pthread_mutex_unlock(&writer->lock);
    if (wake) {
        pthread_cond_signal(&writer->wake);
    }
}

uint64_t log_writer_lost(struct log_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    uint64_t lost = writer->lost;
    pthread_mutex_unlock(&writer->lock);
    return lost;
}

/* --- The thread --- */

static bool is_stopping(struct log_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    bool stopping = writer->stopping;
    pthread_mutex_unlock(&writer->lock);
    return stopping;
}

/* Waits until there is room. Returns false at the end, when nobody makes any. */
static bool await_room(struct log_writer *writer)
{
    unsigned ended_ms = 0;
    struct pollfd poll_fd = {.fd = writer->fd, .events = POLLOUT};
    while (ended_ms < LOG_WRITER_END_MS) {
        if (poll(&poll_fd, 1, POLL_MS) == 1) {
            return (poll_fd.revents & POLLOUT) != 0;
        }
        ended_ms += is_stopping(writer) ? POLL_MS : 0;
    }
    return false;
}

/* The octets of the whole lines that one write takes. */
static size_t next_piece(const char *text, size_t len, size_t chunk)
{
    if (len <= chunk) {
        return len;
    }
    const char *end = memrchr(text, '\n', chunk);
    return end == NULL ? chunk : (size_t)(end - text) + 1;
}

static void write_lines(struct log_writer *writer, size_t len)
{
    size_t at = 0;
    while (at < len && await_room(writer)) {
        ssize_t count =
            write(writer->fd, writer->writing + at, next_piece(writer->writing + at, len - at, writer->chunk));
        if (count <= 0) {
            return; /* what cannot be written has nobody to be reported to */
        }
        at += (size_t)count;
    }
}

/* Waits for lines and takes them. Returns their octets; 0 at the end. */
static size_t take(struct log_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (!writer->stopping && writer->len == 0) {
        writer->waits = true;
        pthread_cond_wait(&writer->wake, &writer->lock);
    }
    if (!writer->stopping) {
        const struct timespec gather = {.tv_nsec = LOG_WRITER_DELAY_MS * 1000000};
        pthread_mutex_unlock(&writer->lock);
        (void)nanosleep(&gather, NULL);
        pthread_mutex_lock(&writer->lock);
    }
    size_t len = writer->len;
    char *full = writer->filling;
    writer->filling = writer->writing;
    writer->writing = full;
    writer->len = 0;
    pthread_mutex_unlock(&writer->lock);
    return len;
}

static void *run(void *argument)
{
    struct log_writer *writer = argument;
    size_t len;
    while ((len = take(writer)) > 0) {
        write_lines(writer, len);
    }
    return NULL;
}

static void log_writer_free(struct log_writer *writer)
{
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer->filling);
    free(writer->writing);
    free(writer);
}

int log_writer_start(int fd, struct log_writer **made)
{
    struct stat status;
    struct log_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return TXTD_ENOMEM;
    }
    writer->fd = fd;
    writer->chunk = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? LOG_WRITER_BUFFER_LEN : PIPE_BUF;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->wake, NULL);
    writer->filling = malloc(LOG_WRITER_BUFFER_LEN);
    writer->writing = malloc(LOG_WRITER_BUFFER_LEN);
    int rc = writer->filling == NULL || writer->writing == NULL ? TXTD_ENOMEM : 0;
    if (rc == 0 && pthread_create(&writer->thread, NULL, run, writer) != 0) {
        rc = TXTD_ESYS;
    }
    if (rc != 0) {
        log_writer_free(writer);
        return rc;
    }
    (void)pthread_setname_np(writer->thread, "txtd-log");
    *made = writer;
    return 0;
}

void log_writer_stop(struct log_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_signal(&writer->wake);
    (void)pthread_join(writer->thread, NULL);
    log_writer_free(writer);
}
