#include "control/txtctl/delegate_call.h"

static enum txtctl_status run(const struct options *options)
{
    return delegate_call_list(options, "PATCH", "", "allowfrom");
}

const struct command command_allowfrom = {
    .name = "allowfrom",
    .arguments = "[CIDR...]",
    .summary = "accept the keys from there only; none: from anywhere",
    .arguments_max = OPTIONS_ALLOWFROM_MAX,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
