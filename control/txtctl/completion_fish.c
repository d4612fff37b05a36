#include "control/txtctl/completion.h"

#include <stdbool.h>
#include <stdio.h>

#define DIRECTORIES "'(__fish_complete_directories)'"

/* In single quotes \' and \\ mean themselves; anything else is as it is. */
static void print_quoted(const char *text)
{
    (void)putchar('\'');
    completion_print_escaped(text, "'\\", "\\");
    (void)putchar('\'');
}

/* fish's own __fish_use_subcommand takes the argument of an option for the command. */
static void print_functions(void)
{
    (void)printf("function __txtctl_said\n"
                 "    set -l words (commandline -opc)\n"
                 "    set -e words[1]\n"
                 "    set -l said\n"
                 "    set -l skip\n"
                 "    for word in $words\n"
                 "        if set -q skip[1]\n"
                 "            set -e skip[1]\n"
                 "            continue\n"
                 "        end\n"
                 "        if string match -qr -- '^(");
    completion_print_pattern(COMPLETION_NOTHING, true);
    (void)puts(")$' $word\n"
               "            set -a skip $word\n"
               "        else if not string match -q -- '-*' $word\n"
               "            set -a said $word\n"
               "        end\n"
               "    end\n"
               "    string join ' ' -- $said\n"
               "end\n"
               "function __txtctl_at # exactly these words have been said\n"
               "    test \"$(__txtctl_said)\" = \"$argv[1]\"\n"
               "end\n"
               "function __txtctl_in # one of these commands has been said, and maybe arguments\n"
               "    set -l said \"$(__txtctl_said) \"\n"
               "    for command in $argv\n"
               "        string match -q -- \"$command *\" $said; and return\n"
               "    end\n"
               "    return 1\n"
               "end");
}

static void print_second(const struct command *command)
{
    size_t len = completion_first_len(command);
    (void)printf("complete -c txtctl -n '__txtctl_at %.*s' -a %s -d ", (int)len, command->name,
                 command->name + len + 1);
    print_quoted(command->summary);
    (void)putchar('\n');
}

static void print_commands(void)
{
    const struct command *command;
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        size_t len = completion_first_len(command);
        if (completion_first_is_new(i)) {
            (void)printf("complete -c txtctl -n '__txtctl_at \"\"' -a %.*s -d ", (int)len, command->name);
            print_quoted(command->summary);
            (void)putchar('\n');
            completion_each_second(command->name, len, print_second);
        }
    }
}

static void print_arguments(void)
{
    static const char *const offers[] = {[COMPLETION_FILES] = "-F",
                                         [COMPLETION_DIRECTORIES] = "-a " DIRECTORIES,
                                         [COMPLETION_SHELL] = "-a '" COMPLETION_SHELLS "'"};
    const struct command *command;
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        enum completion_offer offer = completion_offer(command->arguments);
        if (offer != COMPLETION_NOTHING) {
            (void)printf("complete -c txtctl -n '__txtctl_at \"%s\"' %s\n", command->name, offers[offer]);
        }
    }
}

/* Offered before there is a command, and behind those that take it. */
static void print_condition(int id)
{
    const struct command *command;
    const char *before = "; or __txtctl_in";
    (void)printf(" -n '__txtctl_at \"\"");
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        if ((command->takes & COMMAND_TAKES(id)) != 0) {
            (void)printf("%s \"%s\"", before, command->name);
            before = "";
        }
    }
    (void)putchar('\'');
}

static void print_options(void)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        enum completion_offer offer = completion_offer(row->argument);
        (void)printf("complete -c txtctl -l %s", row->name);
        if (row->letter != 0) {
            (void)printf(" -s %c", row->letter);
        }
        if (id != OPTION_HELP) {
            print_condition(id);
        }
        if (row->argument != NULL) {
            (void)printf("%s", offer == COMPLETION_FILES         ? " -r -F"
                               : offer == COMPLETION_DIRECTORIES ? " -x -a " DIRECTORIES
                                                                 : " -x");
        }
        (void)printf(" -d ");
        print_quoted(row->help);
        (void)putchar('\n');
    }
}

void completion_print_fish(void)
{
    (void)puts("# completion of txtctl for fish: txtctl completion fish | source\ncomplete -c txtctl -f");
    print_functions();
    print_commands();
    print_arguments();
    print_options();
}
