#include "control/txtctl/completion.h"

#include <stdbool.h>
#include <stdio.h>

/* bash cuts words at ':' and '=', too (COMP_WORDBREAKS), so that https://... would be three: the line itself is read. */
static void print_said(void)
{
    (void)puts("# completion of txtctl for bash: . <(txtctl completion bash)\n"
               "_txtctl() {\n"
               "    local current=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}\n"
               "    local typed=() said=() word skip=\"\" last=\"\" offer=\"\" words=\"\" IFS=$' \\t\\n'\n"
               "    read -ra typed <<<\"$line\"\n"
               "    [[ $line == *[[:blank:]] ]] || { last=${typed[-1]}; unset 'typed[-1]'; }\n"
               "    for word in \"${typed[@]:1}\"; do\n"
               "        [ -z \"$skip\" ] || { skip=\"\"; continue; }\n"
               "        case $word in");
    (void)printf("        ");
    completion_print_pattern(COMPLETION_NOTHING, true);
    (void)puts(") skip=$word ;;\n"
               "        -*) ;;\n"
               "        *) said+=(\"$word\") ;;\n"
               "        esac\n"
               "    done\n"
               "    [[ $last != --*=* ]] || { skip=${last%%=*}; [ \"$current\" != = ] || current=\"\"; }");
}

static void print_offers(void)
{
    (void)printf("    case $skip in\n    \"\") ;;\n    ");
    completion_print_pattern(COMPLETION_FILES, false);
    (void)printf(") offer=-f ;;\n    ");
    completion_print_pattern(COMPLETION_DIRECTORIES, false);
    (void)printf(") offer=-d ;;\n    *) return ;;\n    esac\n"
                 "    [[ -n $skip || $current == -* ]] || case \"${said[*]}\" in\n    ");
    completion_print_takers(COMPLETION_FILES);
    (void)printf(") offer=-f ;;\n    ");
    completion_print_takers(COMPLETION_DIRECTORIES);
    (void)printf(") offer=-d ;;\n    ");
    completion_print_takers(COMPLETION_SHELL);
    (void)puts(") words=\"" COMPLETION_SHELLS "\" ;;\n"
               "    esac\n"
               "    if [ -n \"$offer\" ]; then\n"
               "        IFS=$'\\n'\n"
               "        compopt -o filenames\n"
               "        COMPREPLY=($(compgen \"$offer\" -- \"$current\"))\n"
               "        return\n"
               "    fi");
}

static void print_second(const struct command *command)
{
    (void)printf("%s ", command->name + completion_first_len(command) + 1);
}

static void print_words(void)
{
    const struct command *command;
    (void)printf("    [ -n \"$words\" ] || case \"${said[*]}\" in\n    \"\") words=\"");
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        if (completion_first_is_new(i)) {
            (void)printf("%.*s ", (int)completion_first_len(command), command->name);
        }
    }
    (void)puts("--help --version\" ;;");
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        size_t len = completion_first_len(command);
        if (command->name[len] == ' ' && completion_first_is_new(i)) {
            (void)printf("    \"%.*s\") words=\"", (int)len, command->name);
            completion_each_second(command->name, len, print_second);
            (void)puts("--help\" ;;");
        }
        (void)printf("    \"%s\"|\"%s \"*) words=\"", command->name, command->name);
        for (int id = 0; id < OPTION_COUNT; id++) {
            if ((command->takes & COMMAND_TAKES(id)) != 0) {
                (void)printf("--%s ", option_rows[id].name);
            }
        }
        (void)puts("--help\" ;;");
    }
    (void)puts("    esac\n"
               "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
               "}\n"
               "complete -F _txtctl txtctl");
}

void completion_print_bash(void)
{
    print_said();
    print_offers();
    print_words();
}
