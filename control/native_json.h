/* native_json.h: the bodies of the native API: what clients send, and what they get.
 *
 * Unlike the acme-dns API this one is strict: a body is an object with the members that the call knows and nothing else, so
 * that a misspelt one is not passed over. Pure; any thread.
 */
#ifndef TXTD_CONTROL_NATIVE_JSON_H
#define TXTD_CONTROL_NATIVE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "control/backup_job.h"
#include "control/http_server.h"
#include "control/service_edits.h"

/* What is wrong with a body: words for a program and for a person; constants of the program. */
struct native_fault {
    const char *word;
    const char *detail;
};

/* Read a body into a registration (an empty body: all defaults) or an edit of the kind that is set in it. Return 0, or
 * TXTD_EINVAL with what is wrong. */
int native_json_registration(struct http_text body, const struct service_rules *rules,
                             struct service_registration *registration, struct native_fault *fault);
int native_json_settings(struct http_text body, struct service_edit *edit, struct native_fault *fault);
int native_json_values(struct http_text body, struct service_edit *edit, struct native_fault *fault);
int native_json_persistent(struct http_text body, struct service_edit *edit, struct native_fault *fault);

/* What the operator asks of a backup. */
struct native_backup_question {
    char directory[BACKUP_JOB_PATH_MAX + 1]; /* empty: none was named */
    unsigned keep;
};

/* As above; an empty body: store.backup_directory, and everything is kept. */
int native_json_backup(struct http_text body, struct native_backup_question *question, struct native_fault *fault);

/* Whether a text may be a value: 1 to 255 octets of printable ASCII. */
bool native_json_value_valid(const char *text, size_t len);

/* Everything that is known of a delegate. */
struct native_view {
    const struct store_account *account; /* NULL: it is not known */
    const struct delegate_state *delegate;
    const struct service_zone *zone;
    const struct store_event *events; /* newest first; with usage NULL: not looked up */
    unsigned events_count;
    const struct store_usage *usage;
};

/* RFC 3339 in UTC; null for 0. */
json_t *native_json_time(int64_t at_s);

/* A client's address; null for what came from within. */
json_t *native_json_client(const uint8_t address[16]);

/* The whole delegate, to which members can be added; NULL when out of memory. */
json_t *native_json_delegate(const struct native_view *view);

/* The few members that stand in a list of delegates. `zone`: NULL when it is not served now. */
json_t *native_json_list_item(const struct store_account *account, const struct delegate_state *delegate,
                              const char *zone);

json_t *native_json_event(const struct store_event *event);

#endif
