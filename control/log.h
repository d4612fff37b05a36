/* log.h: one line per event on standard error, as logfmt or JSON.
 *
 *   ts=2026-01-02T03:04:05.678Z level=info event=dns.listening address=127.0.0.1:53
 *   {"ts":"2026-01-02T03:04:05.678Z","level":"info","event":"dns.listening","address":"127.0.0.1:53"}
 *
 * A line is built in a buffer of fixed size and written with a single write(2), so lines of different threads do not
 * mix; a field that does not fit is cut and the line says so (cut=true). Every value that came from outside is escaped, so
 * it can neither end a line nor forge a field.
 *
 * No secret may be given to this header: API keys, registration tokens, Authorization headers, cookie secrets. It is the
 * caller's duty; log the key_id or the account instead.
 *
 * Nothing here ever waits: when standard error is a pipe that nobody reads, lines are dropped, and the next one that gets
 * through says how many (lost=n). DNS workers do not log all the same; they count.
 */
#ifndef TXTD_CONTROL_LOG_H
#define TXTD_CONTROL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING = 1, LOG_LEVEL_INFO = 2, LOG_LEVEL_DEBUG = 3 };
enum log_format { LOG_FORMAT_LOGFMT = 0, LOG_FORMAT_JSON = 1 };

#define LOG_LINE_MAX 2048 /* octets of a line, its newline included */

struct log_settings {
    enum log_level level; /* events above it are not written */
    enum log_format format;
};

/* A log is made in main and handed down. */
struct log;

/* Makes a log that writes to the file descriptor `fd`, which stays the caller's. Returns NULL when out of memory. */
struct log *log_new(int fd, const struct log_settings *settings);
void log_free(struct log *log);

/* Takes over new settings. Any thread. */
void log_change(struct log *log, const struct log_settings *settings);

/* Whether an event of this level would be written: for callers whose fields are costly to make. Any thread. */
bool log_enabled(const struct log *log, enum log_level level);

/* One field of an event. */
enum log_kind { LOG_TEXT, LOG_TEXT_LEN, LOG_INT, LOG_UINT, LOG_BOOL };
struct log_field {
    const char *key; /* lower case, digits, '_'; from the program, never from outside */
    enum log_kind kind;
    union {
        const char *text; /* NULL is written as an empty value */
        int64_t i64;
        uint64_t u64;
        bool flag;
    } value;
    unsigned len; /* of a LOG_TEXT_LEN */
};

#define log_text(name, string) ((struct log_field){.key = (name), .kind = LOG_TEXT, .value.text = (string)})
#define log_text_len(name, string, length)                                                                             \
    ((struct log_field){.key = (name), .kind = LOG_TEXT_LEN, .value.text = (string), .len = (unsigned)(length)})
#define log_int(name, number)  ((struct log_field){.key = (name), .kind = LOG_INT, .value.i64 = (number)})
#define log_uint(name, number) ((struct log_field){.key = (name), .kind = LOG_UINT, .value.u64 = (number)})
#define log_bool(name, truth)  ((struct log_field){.key = (name), .kind = LOG_BOOL, .value.flag = (truth)})

/* Writes one event: log_event(log, LOG_LEVEL_INFO, "zones.loaded", log_uint("zones", 3)). `event` is a constant of the
 * program such as "store.opened". `log` may be NULL: nothing is written. Any thread but a DNS worker. */
#define log_event(log, level, event, ...)                                                                              \
    log_write((log), (level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = (void *)0}})

/* The same with an array that ends with a NULL key. */
void log_write(struct log *log, enum log_level level, const char *event, const struct log_field fields[]);

/* --- Changes: what the audit log is for --- */

struct audit; /* audit.h */

/* From now on log_audit writes to `audit` too; NULL: no more. Not while another thread may be in log_audit, unless the audit that
 * was attached before lives on. */
void log_attach_audit(struct log *log, struct audit *audit);

struct log_writer; /* log_writer.h */

/* From now on log_audit's lines of the log go through `writer`, some milliseconds behind the others; NULL: no more. As above. */
void log_attach_writer(struct log *log, struct log_writer *writer);

/* Whether log_audit would write anything: for callers whose fields are costly to make. Any thread. */
bool log_audit_enabled(const struct log *log);

/* Writes one change: to the log as an event of level info, and as a line of JSON to the audit log, whatever the log's level and
 * format. As log_event otherwise. */
#define log_audit(log, event, ...)                                                                                     \
    log_write_audit((log), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = (void *)0}})
void log_write_audit(struct log *log, const char *event, const struct log_field fields[]);

/* Builds one line of an event, its newline included. Returns its octets. Pure but for the clock. */
size_t log_format_line(enum log_format format, enum log_level level, const char *event, const struct log_field fields[],
                       char text[LOG_LINE_MAX]);

#endif
