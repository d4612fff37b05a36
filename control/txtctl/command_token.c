#include <stdio.h>

#include "control/credentials.h"
#include "control/txtctl/command.h"

static enum txtctl_status run(const struct options *options)
{
    char token[CREDENTIALS_KEY_LEN + 1];
    if (credentials_make_key(token) != 0) {
        (void)fputs("txtctl: there are no random numbers\n", stderr);
        return TXTCTL_FAILED;
    }
    (void)printf(options->text[OPTION_JSON] != NULL ? "{\"token\": \"%s\"}\n" : "%s\n", token);
    return TXTCTL_DONE;
}

const struct command command_token = {
    .name = "token",
    .arguments = "",
    .summary = "make a token, a line for registration_tokens_file or operator_tokens_file",
    .takes = COMMAND_TAKES(OPTION_JSON),
    .run = run,
};
