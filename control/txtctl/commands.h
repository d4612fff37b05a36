/* commands.h: the table of txtctl's commands. */
#ifndef TXTD_CONTROL_TXTCTL_COMMANDS_H
#define TXTD_CONTROL_TXTCTL_COMMANDS_H

#include <stddef.h>

#include "control/txtctl/command.h"

/* Command `index` of the table, in the order of the help; NULL behind the last. */
const struct command *commands_get(size_t index);

/* The command whose words `words` begin with; *used says how many they are. NULL when there is none. */
const struct command *commands_find(char *const *words, size_t count, size_t *used);

#endif
