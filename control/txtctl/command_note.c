#include <stdio.h>

#include "control/txtctl/delegate_call.h"

static enum txtctl_status run(const struct options *options)
{
    json_t *body = json_pack("{s:s}", "note", options->arguments[0]);
    if (body == NULL) {
        (void)fputs("txtctl: the note is no UTF-8\n", stderr);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = delegate_call_simply(options, "PATCH", "", body);
    json_decref(body);
    return status;
}

const struct command command_note = {
    .name = "note",
    .arguments = "TEXT",
    .summary = "keep a note with the delegate; \"\" removes it",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
