/* commands.h: the table of txtctl's commands. */
#ifndef TXTD_CONTROL_TXTCTL_COMMANDS_H
#define TXTD_CONTROL_TXTCTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/txtctl/command.h"

/* Command `index` of the table, in the order of the help; NULL behind the last. */
const struct command *commands_get(size_t index);

/* Whether the command's name is two words, of which the `len` octets of `word` are the first. Pure. */
bool commands_begins_with(const struct command *command, const char *word, size_t len);

/* The command whose words `words` begin with; *used says how many they are. NULL when there is none. */
const struct command *commands_find(char *const *words, size_t count, size_t *used);

#endif
