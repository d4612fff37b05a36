#include "control/log.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/audit.h"
#include "control/log_writer.h"

/* What always fits behind the fields: the note that something was cut, the closing brace, the newline. */
#define TAIL_MAX 24

#define KEY_MAX 40 /* octets of a field's name */

struct log {
    int fd;
    _Atomic int level;
    _Atomic int format;
    pthread_mutex_t lock; /* makes "is there room" and "write" one step among our threads */
    uint64_t lost;        /* under lock: lines dropped since the last one written */
    struct audit *_Atomic audit;
    struct log_writer *_Atomic writer; /* of changes; NULL: they are written as all else is */
};

/* A line as it grows. */
struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    bool json;
    bool cut;
};

struct log *log_new(int fd, const struct log_settings *settings)
{
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return NULL;
    }
    log->fd = fd;
    pthread_mutex_init(&log->lock, NULL);
    log_change(log, settings);
    return log;
}

void log_free(struct log *log)
{
    if (log != NULL) {
        pthread_mutex_destroy(&log->lock);
        free(log);
    }
}

void log_change(struct log *log, const struct log_settings *settings)
{
    atomic_store_explicit(&log->level, (int)settings->level, memory_order_relaxed);
    atomic_store_explicit(&log->format, (int)settings->format, memory_order_relaxed);
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* Appends whole or not at all, so that an escape sequence is never cut in two. */
static bool line_put(struct line *line, const char *text, size_t len)
{
    if (line->cut || line->len + len > sizeof line->text - TAIL_MAX) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

static void line_put_text(struct line *line, const char *text)
{
    (void)line_put(line, text, strlen(text));
}

/* One octet of a value. The line stays printable ASCII whatever comes in: no octet can end it or forge a field. */
static bool line_put_octet(struct line *line, unsigned char octet)
{
    char escape[8];
    int len;
    if (octet == '"' || octet == '\\') {
        len = snprintf(escape, sizeof escape, "\\%c", octet);
    } else if (octet == '\n') {
        len = snprintf(escape, sizeof escape, "\\n");
    } else if (octet == '\t') {
        len = snprintf(escape, sizeof escape, "\\t");
    } else if (octet < 0x20 || octet >= 0x7f) {
        /* JSON has no \x: there the text reads \xNN, as the same value does in logfmt. */
        len = snprintf(escape, sizeof escape, line->json ? "\\\\x%02x" : "\\x%02x", octet);
    } else {
        escape[0] = (char)octet;
        len = 1;
    }
    return line_put(line, escape, (size_t)len);
}

static bool is_bare(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char octet = (unsigned char)text[i];
        if (octet <= ' ' || octet >= 0x7f || octet == '"' || octet == '\\' || octet == '=') {
            return false;
        }
    }
    return len > 0;
}

static void line_put_value(struct line *line, const char *text, size_t len)
{
    if (text == NULL) {
        text = "";
        len = 0;
    }
    if (!line->json && is_bare(text, len) && line->len + len <= sizeof line->text - TAIL_MAX) {
        (void)line_put(line, text, len);
        return;
    }
    if (!line_put(line, "\"", 1)) {
        return;
    }
    size_t i = 0;
    while (i < len && line_put_octet(line, (unsigned char)text[i])) {
        i++;
    }
    line->text[line->len++] = '"'; /* TAIL_MAX has room for it */
}

static void line_put_key(struct line *line, const char *key)
{
    char text[KEY_MAX + 4];
    size_t key_len = strnlen(key, KEY_MAX), len = 0;
    if (line->len > 0 || line->json) {
        text[len++] = line->json ? (line->len == 0 ? '{' : ',') : ' ';
    }
    if (line->json) {
        text[len++] = '"';
    }
    memcpy(text + len, key, key_len);
    len += key_len;
    if (line->json) {
        text[len++] = '"';
    }
    text[len++] = line->json ? ':' : '=';
    (void)line_put(line, text, len);
}

static void line_put_uint(struct line *line, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    (void)line_put(line, digits + at, sizeof digits - at);
}

static void line_put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->len;
    line_put_key(line, field->key);
    if (line->cut) {
        line->len = before;
        return;
    }
    size_t value_at = line->len;
    char number[32];
    switch (field->kind) {
    case LOG_TEXT:
        line_put_value(line, field->value.text, field->value.text == NULL ? 0 : strlen(field->value.text));
        break;
    case LOG_TEXT_LEN: line_put_value(line, field->value.text, field->len); break;
    case LOG_INT:
        (void)snprintf(number, sizeof number, "%" PRId64, field->value.i64);
        line_put_text(line, number);
        break;
    case LOG_UINT: line_put_uint(line, field->value.u64); break;
    case LOG_BOOL: line_put_text(line, field->value.flag ? "true" : "false"); break;
    }
    if (line->len == value_at) { /* no room for any of it: no key without a value */
        line->len = before;
    }
}

/* Writes so many decimal digits at `at`. */
static void put_digits(char *at, unsigned digits, unsigned number)
{
    while (digits > 0) {
        at[--digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void line_begin(struct line *line, enum log_level level, const char *event)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm utc;
    char stamp[] = "0000-00-00T00:00:00.000Z";
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    put_digits(stamp, 4, (unsigned)utc.tm_year + 1900);
    put_digits(stamp + 5, 2, (unsigned)utc.tm_mon + 1);
    put_digits(stamp + 8, 2, (unsigned)utc.tm_mday);
    put_digits(stamp + 11, 2, (unsigned)utc.tm_hour);
    put_digits(stamp + 14, 2, (unsigned)utc.tm_min);
    put_digits(stamp + 17, 2, (unsigned)utc.tm_sec);
    put_digits(stamp + 20, 3, (unsigned)(now.tv_nsec / 1000000));
    line_put_field(line, &log_text("ts", stamp));
    line_put_field(line, &log_text("level", levels[level]));
    line_put_field(line, &log_text("event", event));
}

static void line_end(struct line *line)
{
    const char *tail = line->json ? (line->cut ? ",\"cut\":true}\n" : "}\n") : (line->cut ? " cut=true\n" : "\n");
    size_t len = strlen(tail);
    memcpy(line->text + line->len, tail, len);
    line->len += len;
}

/* Whether a write of a whole line would not wait. A pipe reports POLLOUT when PIPE_BUF octets fit. */
static bool has_room(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT) != 0;
}

void log_write(struct log *log, enum log_level level, const char *event, const struct log_field fields[])
{
    if (!log_enabled(log, level)) {
        return;
    }
    struct line line;
    line.len = 0;
    line.cut = false;
    line.json = atomic_load_explicit(&log->format, memory_order_relaxed) == LOG_FORMAT_JSON;
    line_begin(&line, level, event);
    pthread_mutex_lock(&log->lock);
    if (!has_room(log->fd)) {
        log->lost++;
        pthread_mutex_unlock(&log->lock);
        return;
    }
    if (log->lost > 0) {
        line_put_field(&line, &log_uint("lost", log->lost));
        log->lost = 0;
    }
    for (const struct log_field *field = fields; field->key != NULL; field++) {
        line_put_field(&line, field);
    }
    line_end(&line);
    /* A line that cannot be written has nobody to be reported to. */
    ssize_t written = write(log->fd, line.text, line.len);
    (void)written;
    pthread_mutex_unlock(&log->lock);
}

size_t log_format_line(enum log_format format, enum log_level level, const char *event, const struct log_field fields[],
                       char text[LOG_LINE_MAX])
{
    struct line line;
    line.len = 0;
    line.cut = false;
    line.json = format == LOG_FORMAT_JSON;
    line_begin(&line, level, event);
    for (const struct log_field *field = fields; field->key != NULL; field++) {
        line_put_field(&line, field);
    }
    line_end(&line);
    memcpy(text, line.text, line.len);
    return line.len;
}

/* --- Changes --- */

void log_attach_audit(struct log *log, struct audit *audit)
{
    atomic_store_explicit(&log->audit, audit, memory_order_release);
}

void log_attach_writer(struct log *log, struct log_writer *writer)
{
    atomic_store_explicit(&log->writer, writer, memory_order_release);
}

bool log_audit_enabled(const struct log *log)
{
    return log != NULL && (log_enabled(log, LOG_LEVEL_INFO) || log->audit != NULL);
}

void log_write_audit(struct log *log, const char *event, const struct log_field fields[])
{
    if (log == NULL) {
        return;
    }
    struct log_writer *writer = atomic_load_explicit(&log->writer, memory_order_acquire);
    if (writer == NULL) {
        log_write(log, LOG_LEVEL_INFO, event, fields);
    } else if (log_enabled(log, LOG_LEVEL_INFO)) {
        char text[LOG_LINE_MAX];
        enum log_format format = (enum log_format)atomic_load_explicit(&log->format, memory_order_relaxed);
        log_writer_append(writer, format, text, log_format_line(format, LOG_LEVEL_INFO, event, fields, text));
    }
    struct audit *audit = atomic_load_explicit(&log->audit, memory_order_acquire);
    if (audit != NULL) {
        char text[LOG_LINE_MAX];
        audit_append(audit, text, log_format_line(LOG_FORMAT_JSON, LOG_LEVEL_INFO, event, fields, text));
    }
}
