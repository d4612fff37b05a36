#include "control/txtctl/completion.h"

#include <stdio.h>
#include <string.h>

enum completion_offer completion_offer(const char *argument)
{
    static const struct {
        const char *name;
        enum completion_offer offer;
    } known[] = {{"FILE", COMPLETION_FILES},
                 {"PATH", COMPLETION_FILES},
                 {"SOURCE", COMPLETION_FILES},
                 {"DIRECTORY", COMPLETION_DIRECTORIES},
                 {"SHELL", COMPLETION_SHELL}};
    const char *name = argument == NULL ? "" : argument + strspn(argument, "[");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcspn(name, "].") == strlen(known[i].name) && strncmp(name, known[i].name, strlen(known[i].name)) == 0) {
            return known[i].offer;
        }
    }
    return COMPLETION_NOTHING;
}

size_t completion_first_len(const struct command *command)
{
    return strcspn(command->name, " ");
}

bool completion_first_is_new(size_t index)
{
    const struct command *command = commands_get(index);
    size_t len = completion_first_len(command);
    for (size_t i = 0; i < index; i++) {
        const struct command *before = commands_get(i);
        if (completion_first_len(before) == len && memcmp(before->name, command->name, len) == 0) {
            return false;
        }
    }
    return true;
}

void completion_each_second(const char *first, size_t len, void (*print)(const struct command *command))
{
    const struct command *command;
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        if (commands_begins_with(command, first, len)) {
            print(command);
        }
    }
}

void completion_print_pattern(enum completion_offer offer, bool any)
{
    const char *before = "";
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        if (row->argument == NULL || (!any && completion_offer(row->argument) != offer)) {
            continue;
        }
        (void)printf("%s--%s", before, row->name);
        if (row->letter != 0) {
            (void)printf("|-%c", row->letter);
        }
        before = "|";
    }
}

void completion_print_takers(enum completion_offer offer)
{
    const struct command *command;
    const char *before = "";
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        if (completion_offer(command->arguments) == offer) {
            (void)printf("%s\"%s\"", before, command->name);
            before = "|";
        }
    }
}

void completion_print_escaped(const char *text, const char *special, const char *escape)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL) {
            (void)fputs(escape, stdout);
        }
        (void)putchar(*text == '\n' ? ' ' : *text);
    }
}
