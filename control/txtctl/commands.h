/* commands.h: what txtctl does. Prints on standard output and standard error. */
#ifndef TXTD_CONTROL_TXTCTL_COMMANDS_H
#define TXTD_CONTROL_TXTCTL_COMMANDS_H

#include "control/txtctl/options.h"

/* Runs the command of the options. Returns the exit status. */
enum txtctl_status commands_run(const struct options *options);

#endif
