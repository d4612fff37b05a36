#include <stdio.h>

#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

/* One line: when, what, with which key, from where. */
static void print_event(const json_t *event)
{
    json_int_t key_id = json_integer_value(json_object_get(event, "key_id"));
    const char *client = output_member(event, "client"), *value = output_member(event, "value");
    const json_t *subject = json_object_get(event, "subject_key_id"), *count = json_object_get(event, "count");
    (void)printf("%s  %-16s", output_member(event, "at"), output_member(event, "what"));
    if (json_is_integer(subject)) {
        (void)printf("  key %lld", (long long)json_integer_value(subject));
    } else if (json_is_integer(count)) {
        (void)printf("  %lld values", (long long)json_integer_value(count));
    } else if (*value != '\0') {
        (void)fputs("  ", stdout);
        output_foreign(value);
    }
    if (key_id != 0) {
        (void)printf("  with key %lld", (long long)key_id);
    }
    (void)printf("%s%s\n", *client == '\0' ? "" : "  from ", client);
}

static enum txtctl_status run(const struct options *options)
{
    json_t *json;
    size_t index;
    const json_t *event;
    enum txtctl_status status = delegate_call_look(options, "/history", &json);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    } else if (json != NULL) {
        json_array_foreach(json_object_get(json, "events"), index, event)
        {
            print_event(event);
        }
    }
    json_decref(json);
    return status;
}

const struct command command_history = {
    .name = "history",
    .arguments = "[DELEGATE]",
    .summary = "list the last changes; of any delegate with the operator's token",
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES_OPERATOR,
    .run = run,
};
