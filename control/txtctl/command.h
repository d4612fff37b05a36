/* command.h: what a command of txtctl is: a row of the table in commands.c, made in a file of its own. */
#ifndef TXTD_CONTROL_TXTCTL_COMMAND_H
#define TXTD_CONTROL_TXTCTL_COMMAND_H

#include <stdint.h>

#include "control/txtctl/options.h"

#define COMMAND_TAKES(option) (UINT64_C(1) << (option))

/* What every request to the API may need. */
#define COMMAND_TAKES_API                                                                                              \
    (COMMAND_TAKES(OPTION_URL) | COMMAND_TAKES(OPTION_CA) | COMMAND_TAKES(OPTION_INSECURE) |                           \
     COMMAND_TAKES(OPTION_TIMEOUT) | COMMAND_TAKES(OPTION_JSON))

/* What finds the account in its file. */
#define COMMAND_TAKES_ACCOUNT (COMMAND_TAKES(OPTION_CREDENTIALS) | COMMAND_TAKES(OPTION_DOMAIN))

struct command {
    const char *name;      /* may be two words: "keys add" */
    const char *arguments; /* behind the name, as the usage shows them: "VALUE"; "" when there are none */
    const char *summary;   /* one line, without a capital or a full stop */
    uint8_t arguments_min, arguments_max;
    uint64_t takes;     /* options, COMMAND_TAKES of each; --help is always taken */
    const char *status; /* what its exit status means, lines separated by \n; NULL: what it means in general */

    /* Does it, prints on standard output, errors on standard error. libcurl is ready. Returns the exit status. */
    enum txtctl_status (*run)(const struct options *options);
};

#endif
