/* help.h: what txtctl says of itself, made from the tables of commands and options. */
#ifndef TXTD_CONTROL_TXTCTL_HELP_H
#define TXTD_CONTROL_TXTCTL_HELP_H

struct command;

/* All commands and all options; on standard output. */
void help_print(void);

/* The commands whose first of two words that is. */
void help_print_group(const char *word);

/* One command and the options that it takes. */
void help_print_command(const struct command *command);

#endif
