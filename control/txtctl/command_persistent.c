#include "control/txtctl/delegate_call.h"

static enum txtctl_status run(const struct options *options)
{
    return delegate_call_list(options, "PUT", "/persistent", "values");
}

const struct command command_persistent = {
    .name = "persistent",
    .arguments = "[VALUE...]",
    .summary = "publish exactly these persistent values (dns-persist-01); none: withdraw them",
    .arguments_max = 8,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
