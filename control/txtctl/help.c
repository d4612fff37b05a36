#include "control/txtctl/help.h"

#include <stdio.h>
#include <string.h>

#include "control/txtctl/commands.h"

#define OPTION_COLUMN 26 /* where the text of an option begins */
#define STATUS_GENERAL                                                                                                 \
    "0 done, or the value is there; 1 the server said no, the value is not there, or something was\n"                  \
    "refused; 2 it could not be tried, or the output could not be written."

static void print_option(const struct option_row *row)
{
    char name[80];
    char letter[] = "    ";
    if (row->letter != 0) {
        (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
    }
    int len = snprintf(name, sizeof name, "  %s--%s%s%s", letter, row->name, row->argument == NULL ? "" : " ",
                       row->argument == NULL ? "" : row->argument);
    const char *line = row->help;
    (void)printf("%-*s", OPTION_COLUMN - 1, name);
    (void)printf("%s", len >= OPTION_COLUMN ? "  " : " ");
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        (void)printf("%.*s\n%*s", (int)(end - line), line, OPTION_COLUMN, "");
    }
    (void)puts(line);
}

static void print_status(const char *status)
{
    (void)printf("\nExit status: %s\n", status == NULL ? STATUS_GENERAL : status);
}

static void print_usage(void)
{
    (void)puts("usage: txtctl [options] COMMAND [arguments]\n       txtctl COMMAND --help\n");
}

static void print_summary(const struct command *command)
{
    char usage[80];
    (void)snprintf(usage, sizeof usage, "%s%s%s", command->name, *command->arguments == '\0' ? "" : " ",
                   command->arguments);
    (void)printf("  %-24s %s\n", usage, command->summary);
}

void help_print_group(const char *word)
{
    const struct command *command;
    print_usage();
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        if (commands_begins_with(command, word, strlen(word))) {
            print_summary(command);
        }
    }
}

void help_print(void)
{
    const struct command *command;
    print_usage();
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        print_summary(command);
    }
    (void)putchar('\n');
    for (int id = 0; id < OPTION_COUNT; id++) {
        print_option(&option_rows[id]);
    }
    print_status(NULL);
}

void help_print_command(const struct command *command)
{
    (void)printf("usage: txtctl [options] %s%s%s\n\n%s: %s\n\n", command->name, *command->arguments == '\0' ? "" : " ",
                 command->arguments, command->name, command->summary);
    for (int id = 0; id < OPTION_COUNT; id++) {
        if ((command->takes & COMMAND_TAKES(id)) != 0) {
            print_option(&option_rows[id]);
        }
    }
    print_status(command->status);
}
