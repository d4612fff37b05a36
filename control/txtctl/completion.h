/* completion.h: scripts with which shells complete txtctl's command line, made from the tables of commands and options.
 * One thread; on standard output. */
#ifndef TXTD_CONTROL_TXTCTL_COMPLETION_H
#define TXTD_CONTROL_TXTCTL_COMPLETION_H

#include <stdbool.h>

#include "control/txtctl/commands.h"

#define COMPLETION_SHELLS "bash zsh fish"

/* What can be offered for an argument, which its name in the help says. */
enum completion_offer { COMPLETION_NOTHING, COMPLETION_FILES, COMPLETION_DIRECTORIES, COMPLETION_SHELL };

void completion_print_bash(void);
void completion_print_zsh(void);
void completion_print_fish(void);

/* For an argument as the tables name it: "FILE", "[DIRECTORY]". NULL (a flag): nothing. Pure. */
enum completion_offer completion_offer(const char *argument);

/* The first word of a command's name: its length. Pure. */
size_t completion_first_len(const struct command *command);

/* Whether no command before `index` has the same first word: the one that has it shall be offered once. Pure. */
bool completion_first_is_new(size_t index);

/* Calls back for each command whose name has a second word behind the first `len` octets of `first`. */
void completion_each_second(const char *first, size_t len, void (*print)(const struct command *command));

/* Prints the options that take an argument of this kind, as the pattern of a case: `--ca|--credentials|-f`; with `any` those that
 * take an argument at all. Nothing is printed when there are none. */
void completion_print_pattern(enum completion_offer offer, bool any);

/* Prints the names of the commands that take one such argument as the pattern of a case: `"backup"|"restore"`. */
void completion_print_takers(enum completion_offer offer);

/* Prints `text` with each line's end as a blank, and `escape` before each character of `special`. */
void completion_print_escaped(const char *text, const char *special, const char *escape);

#endif
