/* Completion of txtctl's own command line, made from the tables of commands and options. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/commands.h"

/* The words of all commands and the options of each, as a case of a shell's script: `register) ...;;`. */
static void print_cases(const char *indent)
{
    const struct command *command;
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        (void)printf("%s\"%s\") words=\"", indent, command->name);
        for (int id = 0; id < OPTION_COUNT; id++) {
            if ((command->takes & COMMAND_TAKES(id)) != 0) {
                (void)printf("--%s ", option_rows[id].name);
            }
        }
        (void)puts("--help\" ;;");
    }
}

/* The distinct first words (second = false) or the second words behind `first`. */
static void print_words(const char *first)
{
    const struct command *command;
    const char *last = "";
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        size_t len = strcspn(command->name, " ");
        const char *rest = command->name[len] == ' ' ? command->name + len + 1 : NULL;
        if (first == NULL && strncmp(last, command->name, len + 1) != 0) {
            (void)printf("%.*s ", (int)len, command->name);
        } else if (first != NULL && rest != NULL && strncmp(command->name, first, len) == 0 && first[len] == '\0') {
            (void)printf("%s ", rest);
        }
        last = first == NULL ? command->name : last;
    }
}

/* The options that take an argument, or of these only what takes a file, as the pattern of a case: `--ca|--credentials|-f`. */
static void print_patterns(const char *indent, bool files)
{
    const char *before = indent;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        if (row->argument == NULL || (files && strcmp(row->argument, "FILE") != 0)) {
            continue;
        }
        (void)printf("%s--%s", before, row->name);
        if (row->letter != 0) {
            (void)printf("|-%c", row->letter);
        }
        before = "|";
    }
}

static void print_bash(void)
{
    (void)puts("# completion of txtctl for bash: . <(txtctl completion bash)\n"
               "_txtctl() {\n"
               "    local words=\"\" current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} said=() "
               "word skip=\n"
               "    case $previous in");
    print_patterns("    ", true);
    (void)puts(")\n"
               "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
               "        return\n"
               "        ;;\n"
               "    esac\n"
               "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
               "        [ -z \"$skip\" ] || { skip=; continue; }\n"
               "        case $word in");
    print_patterns("        ", false);
    (void)puts(") skip=1 ;;\n"
               "        -*) ;;\n"
               "        *) said+=(\"$word\") ;;\n"
               "        esac\n"
               "    done\n"
               "    case \"${said[*]}\" in");
    (void)printf("    \"\") words=\"");
    print_words(NULL);
    (void)puts("--help --version\" ;;");
    print_cases("    ");
    const struct command *command;
    const char *last = "";
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        const char *space = strchr(command->name, ' ');
        char first[32];
        if (space != NULL && strncmp(last, command->name, (size_t)(space - command->name)) != 0) {
            (void)snprintf(first, sizeof first, "%.*s", (int)(space - command->name), command->name);
            (void)printf("    \"%s\") words=\"", first);
            print_words(first);
            (void)puts("\" ;;");
        }
        last = command->name;
    }
    (void)puts("    esac\n"
               "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
               "}\n"
               "complete -F _txtctl txtctl");
}

static void print_fish(void)
{
    const struct command *command;
    (void)puts("# completion of txtctl for fish: txtctl completion fish | source\ncomplete -c txtctl -f");
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        size_t len = strcspn(command->name, " ");
        (void)printf("complete -c txtctl -n __fish_use_subcommand -a %.*s -d '%s'\n", (int)len, command->name,
                     command->summary);
        if (command->name[len] == ' ') {
            (void)printf("complete -c txtctl -n '__fish_seen_subcommand_from %.*s' -a %s -d '%s'\n", (int)len,
                         command->name, command->name + len + 1, command->summary);
        }
    }
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        (void)printf("complete -c txtctl -l %s", row->name);
        if (row->letter != 0) {
            (void)printf(" -s %c", row->letter);
        }
        (void)puts(row->argument == NULL ? "" : strcmp(row->argument, "FILE") == 0 ? " -r -F" : " -x");
    }
}

static enum txtctl_status run(const struct options *options)
{
    const char *shell = options->arguments[0];
    if (strcmp(shell, "bash") == 0) {
        print_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        (void)puts("autoload -U +X bashcompinit && bashcompinit");
        print_bash();
    } else if (strcmp(shell, "fish") == 0) {
        print_fish();
    } else {
        (void)fprintf(stderr, "txtctl: completion is there for bash, zsh and fish, not for %s\n", shell);
        return TXTCTL_FAILED;
    }
    return TXTCTL_DONE;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "SHELL",
    .summary = "print the completion script for bash, zsh or fish",
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
