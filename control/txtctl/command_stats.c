#include <stdio.h>

#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

/* "forbidden 3, not_found 0": how many of each kind. */
static void print_kinds(const json_t *counts)
{
    const char *name, *before = "";
    const json_t *count;
    json_object_foreach((json_t *)counts, name, count)
    {
        (void)printf("%s%s %lld", before, name, (long long)json_integer_value(count));
        before = ", ";
    }
    (void)putchar('\n');
}

static void print_stats(const json_t *json)
{
    const char *name;
    size_t index;
    const json_t *member, *zone;
    json_object_foreach((json_t *)json, name, member)
    {
        if (json_is_integer(member)) {
            (void)printf("%-13s %lld\n", name, (long long)json_integer_value(member));
        } else if (json_is_boolean(member)) {
            (void)printf("%-13s %s\n", name, json_is_true(member) ? "yes" : "no");
        } else if (json_is_object(member)) {
            (void)printf("%-13s ", name);
            print_kinds(member);
        }
    }
    json_array_foreach(json_object_get(json, "zones"), index, zone)
    {
        (void)printf("%-13s %s\n", "zone", output_member(zone, "name"));
    }
}

static enum txtctl_status run(const struct options *options)
{
    json_t *json;
    enum txtctl_status status = delegate_call_operator(options, "GET", "/stats", NULL, &json);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    } else if (json != NULL) {
        print_stats(json);
    }
    json_decref(json);
    return status;
}

const struct command command_stats = {
    .name = "stats",
    .arguments = "",
    .summary = "operator: how many delegates, changes, refusals",
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_OPERATOR,
    .run = run,
};
