/* `txtctl disable` and `txtctl enable`, each the other's opposite. */
#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

static enum txtctl_status change(const struct options *options, const char *tail)
{
    json_t *json;
    enum txtctl_status status = delegate_call_operator_at(options, "POST", options->arguments[0], tail, NULL, &json);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    }
    json_decref(json);
    return status;
}

static enum txtctl_status disable(const struct options *options)
{
    return change(options, "/disable");
}

static enum txtctl_status enable(const struct options *options)
{
    return change(options, "/enable");
}

const struct command command_disable = {
    .name = "disable",
    .arguments = "DELEGATE",
    .summary = "operator: take a delegate out of DNS and accept no changes",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_OPERATOR,
    .run = disable,
};

const struct command command_enable = {
    .name = "enable",
    .arguments = "DELEGATE",
    .summary = "operator: undo that",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_OPERATOR,
    .run = enable,
};
