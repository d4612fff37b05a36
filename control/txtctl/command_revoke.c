#include <stdio.h>
#include <stdlib.h>

#include "control/txtctl/delegate_call.h"

#define TAIL_MAX 128

static enum txtctl_status run(const struct options *options)
{
    char tail[TAIL_MAX];
    if (delegate_call_encode("/keys/", options->arguments[0], tail, sizeof tail) != 0) {
        (void)fputs("txtctl: a key's id is a number, as show has it\n", stderr);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = delegate_call_simply(options, "DELETE", tail, NULL);
    if (status == TXTCTL_DONE && options->text[OPTION_JSON] != NULL) { /* the answer has no body */
        (void)printf("{\"key_id\": %lld, \"revoked\": true}\n", strtoll(options->arguments[0], NULL, 10));
    }
    return status;
}

const struct command command_revoke = {
    .name = "revoke",
    .arguments = "KEY_ID",
    .summary = "let a key in no more; show has the ids",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
