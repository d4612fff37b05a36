/* findings.h: what `txtctl doctor` has found: a list of sentences, each with what to do about it. */
#ifndef TXTD_CONTROL_TXTCTL_FINDINGS_H
#define TXTD_CONTROL_TXTCTL_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>

enum finding_level { FINDING_OK, FINDING_NOTE, FINDING_WARNING, FINDING_PROBLEM };

/* The list; findings_free. NULL without memory. */
json_t *findings_new(void);

/* Adds a finding: what was looked at ("cname"), a sentence without a full stop, and advice (NULL: none). */
__attribute__((format(printf, 5, 6))) void findings_add(json_t *findings, enum finding_level level, const char *subject,
                                                        const char *advice, const char *format, ...);

/* How many findings are of this level. */
unsigned findings_count(const json_t *findings, enum finding_level level);

/* Prints them on standard output, as lines or as one JSON object with `domain`. */
void findings_print(const json_t *findings, const char *domain, bool json);

#endif
