#include <stdio.h>

#include "control/txtctl/delegate_call.h"

#define TAIL_MAX 1024

static enum txtctl_status run(const struct options *options)
{
    char tail[TAIL_MAX] = "/values";
    if (options->arguments_count > 0 &&
        delegate_call_encode("/values/", options->arguments[0], tail, sizeof tail) != 0) {
        (void)fputs("txtctl: a value has at most 255 characters\n", stderr);
        return TXTCTL_FAILED;
    }
    return delegate_call_simply(options, "DELETE", tail, NULL);
}

const struct command command_clear = {
    .name = "clear",
    .arguments = "[VALUE]",
    .summary = "withdraw one value, or all but the persistent ones",
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
