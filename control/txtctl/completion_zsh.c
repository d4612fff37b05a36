#include "control/txtctl/completion.h"

#include <stdbool.h>
#include <stdio.h>

/* 'NAME:TEXT', as _describe wants it. */
static void print_described(const char *dashes, const char *name, const char *text)
{
    (void)printf(" '%s%s:", dashes, name);
    completion_print_escaped(text, "'", "'\\'"); /* 'it'\''s' */
    (void)putchar('\'');
}

static void print_said(void)
{
    (void)puts(
        "#compdef txtctl\n"
        "# completion of txtctl for zsh: . <(txtctl completion zsh), or as the file _txtctl in a directory of $fpath\n"
        "_txtctl() {\n"
        "    local -a said commands options\n"
        "    local word skip=\n"
        "    for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
        "        if [[ -n $skip ]]; then\n"
        "            skip=\n"
        "            continue\n"
        "        fi\n"
        "        case $word in");
    (void)printf("        (");
    completion_print_pattern(COMPLETION_NOTHING, true);
    (void)puts(") skip=$word ;;\n"
               "        (-*) ;;\n"
               "        (*) said+=(\"$word\") ;;\n"
               "        esac\n"
               "    done\n"
               "    if [[ -z $skip ]] && compset -P '--*='; then\n"
               "        skip=${IPREFIX%=}\n"
               "    fi");
}

static void print_offers(void)
{
    (void)printf("    case $skip in\n    (\"\") ;;\n    (");
    completion_print_pattern(COMPLETION_FILES, false);
    (void)printf(") _files; return ;;\n    (");
    completion_print_pattern(COMPLETION_DIRECTORIES, false);
    (void)printf(") _path_files -/; return ;;\n    (*) _message 'argument of '$skip; return ;;\n    esac\n"
                 "    [[ $PREFIX == -* ]] || case \"${said[*]}\" in\n    (");
    completion_print_takers(COMPLETION_FILES);
    (void)printf(") _files; return ;;\n    (");
    completion_print_takers(COMPLETION_DIRECTORIES);
    (void)printf(") _path_files -/; return ;;\n    (");
    completion_print_takers(COMPLETION_SHELL);
    (void)puts(") compadd " COMPLETION_SHELLS "; return ;;\n    esac");
}

static void print_second(const struct command *command)
{
    print_described("", command->name + completion_first_len(command) + 1, command->summary);
}

static void print_option(int id)
{
    print_described("--", option_rows[id].name, option_rows[id].help);
}

static void print_words(void)
{
    const struct command *command;
    (void)printf("    case \"${said[*]}\" in\n    (\"\")\n        commands=(");
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        char first[64];
        (void)snprintf(first, sizeof first, "%.*s", (int)completion_first_len(command), command->name);
        if (completion_first_is_new(i)) {
            print_described("", first, command->summary);
        }
    }
    (void)printf(" )\n        options=(");
    print_option(OPTION_HELP);
    print_option(OPTION_VERSION);
    (void)puts(" )\n        ;;");
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        size_t len = completion_first_len(command);
        if (command->name[len] == ' ' && completion_first_is_new(i)) {
            (void)printf("    (\"%.*s\") commands=(", (int)len, command->name);
            completion_each_second(command->name, len, print_second);
            (void)puts(" ) ;;");
        }
        (void)printf("    (\"%s\"|\"%s \"*)\n        options=(", command->name, command->name);
        for (int id = 0; id < OPTION_COUNT; id++) {
            if ((command->takes & COMMAND_TAKES(id)) != 0) {
                print_option(id);
            }
        }
        print_option(OPTION_HELP);
        (void)puts(" )\n        ;;");
    }
    (void)puts("    esac\n"
               "    (( ! $#commands )) || _describe -t commands command commands\n"
               "    _describe -o option options\n"
               "}");
}

void completion_print_zsh(void)
{
    print_said();
    print_offers();
    print_words();
    (void)puts("if [[ $funcstack[1] == _txtctl ]]; then # out of $fpath, when it is wanted first\n"
               "    _txtctl \"$@\"\n"
               "else\n"
               "    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
               "    compdef _txtctl txtctl\n"
               "fi");
}
