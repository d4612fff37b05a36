#include "control/txtctl/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/output.h"

#define SENTENCE_MAX 2048

static const char *const level_names[] = {"ok", "note", "warning", "problem"};

json_t *findings_new(void)
{
    return json_array();
}

/* What comes from somebody else's DNS may hold anything, also what a terminal obeys and what is no UTF-8 (which JSON refuses):
 * it is shown as in presentation form, \DDD (RFC 1035 section 5.1). */
static json_t *printable(const char *text)
{
    char shown[SENTENCE_MAX];
    size_t len = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0' && len < sizeof shown - 4; at++) {
        if (*at < ' ' || *at > '~') {
            len += (size_t)snprintf(shown + len, sizeof shown - len, "\\%03u", *at);
        } else {
            shown[len++] = (char)*at;
        }
    }
    return json_stringn(shown, len);
}

void findings_add(json_t *findings, enum finding_level level, const char *subject, const char *advice,
                  const char *format, ...)
{
    char sentence[SENTENCE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    json_t *finding =
        json_pack("{s:s, s:s, s:o}", "level", level_names[level], "subject", subject, "finding", printable(sentence));
    if (advice != NULL) {
        (void)json_object_set_new(finding, "advice", printable(advice));
    }
    (void)json_array_append_new(findings, finding);
}

unsigned findings_count(const json_t *findings, enum finding_level level)
{
    unsigned count = 0;
    size_t index;
    const json_t *finding;
    json_array_foreach(findings, index, finding)
    {
        count += strcmp(output_member(finding, "level"), level_names[level]) == 0;
    }
    return count;
}

void findings_print(const json_t *findings, const char *domain, bool json)
{
    unsigned problems = findings_count(findings, FINDING_PROBLEM);
    unsigned warnings = findings_count(findings, FINDING_WARNING);
    if (json) {
        json_t *all = json_pack("{s:s, s:i, s:i, s:O}", "domain", domain, "problems", (int)problems, "warnings",
                                (int)warnings, "findings", findings);
        output_json(all);
        json_decref(all);
        return;
    }
    size_t index;
    const json_t *finding;
    json_array_foreach(findings, index, finding)
    {
        const char *advice = output_member(finding, "advice");
        (void)printf("%-8s %-10s %s\n", output_member(finding, "level"), output_member(finding, "subject"),
                     output_member(finding, "finding"));
        if (*advice != '\0') {
            (void)printf("%19s -> %s\n", "", advice);
        }
    }
    (void)printf("%s: %u problem%s, %u warning%s\n", domain, problems, problems == 1 ? "" : "s", warnings,
                 warnings == 1 ? "" : "s");
}
