/* Completion of txtctl's own command line. */
#include <stdio.h>
#include <string.h>

#include "control/txtctl/completion.h"

static enum txtctl_status run(const struct options *options)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", completion_print_bash}, {"zsh", completion_print_zsh}, {"fish", completion_print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(options->arguments[0], shells[i].name) == 0) {
            shells[i].print();
            return TXTCTL_DONE;
        }
    }
    (void)fprintf(stderr, "txtctl: completion is there for bash, zsh and fish, not for %s\n", options->arguments[0]);
    return TXTCTL_FAILED;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "SHELL",
    .summary = "print the completion script for bash, zsh or fish",
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
