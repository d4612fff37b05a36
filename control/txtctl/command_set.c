#include "control/txtctl/delegate_call.h"

static enum txtctl_status run(const struct options *options)
{
    return delegate_call_list(options, "PUT", "/values", "values");
}

const struct command command_set = {
    .name = "set",
    .arguments = "VALUE...",
    .summary = "publish exactly these values",
    .arguments_min = 1,
    .arguments_max = 16,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
