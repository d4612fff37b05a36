#include <stdio.h>

#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

static void print_values(const json_t *delegate)
{
    const json_t *values = json_object_get(delegate, "values"), *persistent = json_object_get(delegate, "persistent");
    size_t index;
    const json_t *item;
    json_array_foreach(values, index, item)
    {
        const char *expires = output_member(item, "expires_at");
        (void)fputs("  value      ", stdout);
        output_foreign(output_member(item, "value"));
        (void)printf("  set %s%s%s\n", output_member(item, "set_at"), *expires == '\0' ? "" : ", expires ", expires);
    }
    if (json_array_size(values) == 0) {
        (void)puts("  no value");
    }
    json_array_foreach(persistent, index, item)
    {
        (void)fputs("  persistent ", stdout);
        output_foreign(json_string_value(item) == NULL ? "" : json_string_value(item));
        (void)putchar('\n');
    }
}

/* Who may change it; none of it is told to the operator. */
static void print_account(const json_t *delegate)
{
    const json_t *allowfrom = json_object_get(delegate, "allowfrom"), *keys = json_object_get(delegate, "keys");
    const char *created = output_member(delegate, "created_at"), *note = output_member(delegate, "note");
    size_t index;
    const json_t *item;
    json_array_foreach(allowfrom, index, item)
    {
        (void)printf("  allowfrom  %s\n", json_string_value(item) == NULL ? "" : json_string_value(item));
    }
    json_array_foreach(keys, index, item)
    {
        (void)printf("  key        %lld  created %s\n", (long long)json_integer_value(json_object_get(item, "key_id")),
                     output_member(item, "created_at"));
    }
    if (*note != '\0') {
        (void)fputs("  note       ", stdout);
        output_foreign(note);
        (void)putchar('\n');
    }
    if (*created != '\0') {
        (void)printf("  created    %s\n", created);
    }
}

static void print_delegate(const json_t *delegate)
{
    const char *asked = output_member(delegate, "last_asked_at");
    (void)printf("%s%s\n", output_member(delegate, "fulldomain"),
                 json_is_true(json_object_get(delegate, "disabled")) ? " (disabled)" : "");
    print_values(delegate);
    print_account(delegate);
    if (*asked != '\0') {
        (void)printf("  asked for  %lld times, last in the hour of %s\n",
                     (long long)json_integer_value(json_object_get(delegate, "asked_count")), asked);
    }
}

static enum txtctl_status run(const struct options *options)
{
    json_t *json;
    enum txtctl_status status = delegate_call_look(options, "", &json);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    } else if (json != NULL) {
        print_delegate(json);
    }
    json_decref(json);
    return status;
}

const struct command command_show = {
    .name = "show",
    .arguments = "[DELEGATE]",
    .summary = "list the values and what is known; of any delegate with the operator's token",
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES_OPERATOR,
    .run = run,
};
