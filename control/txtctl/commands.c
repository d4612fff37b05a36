#include "control/txtctl/commands.h"

#include <string.h>

/* A line for each command, in the order of the help. */
/* clang-format off */
extern const struct command command_register;
extern const struct command command_update;
extern const struct command command_show;
extern const struct command command_set;
extern const struct command command_clear;
extern const struct command command_persistent;
extern const struct command command_allowfrom;
extern const struct command command_note;
extern const struct command command_history;
extern const struct command command_setup;
extern const struct command command_rotate;
extern const struct command command_revoke;
extern const struct command command_delete;
extern const struct command command_check;
extern const struct command command_doctor;
extern const struct command command_health;
extern const struct command command_acme_hook;
extern const struct command command_list;
extern const struct command command_disable;
extern const struct command command_enable;
extern const struct command command_stats;
extern const struct command command_token;
extern const struct command command_control_status;
extern const struct command command_import;
extern const struct command command_backup;
extern const struct command command_restore;
extern const struct command command_export;
extern const struct command command_completion;

static const struct command *const commands[] = {
    &command_register,
    &command_update,
    &command_show,
    &command_set,
    &command_clear,
    &command_persistent,
    &command_allowfrom,
    &command_note,
    &command_history,
    &command_setup,
    &command_rotate,
    &command_revoke,
    &command_delete,
    &command_check,
    &command_doctor,
    &command_health,
    &command_acme_hook,
    &command_list,
    &command_disable,
    &command_enable,
    &command_stats,
    &command_token,
    &command_control_status,
    &command_import,
    &command_backup,
    &command_restore,
    &command_export,
    &command_completion,
};
/* clang-format on */

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

const struct command *commands_get(size_t index)
{
    return index < COMMANDS_COUNT ? commands[index] : NULL;
}

bool commands_begins_with(const struct command *command, const char *word, size_t len)
{
    return strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
}

/* How many of the words are the name's; 0: it is another command. */
static size_t words_matched(const char *name, char *const *words, size_t count)
{
    for (size_t used = 0; used < count; used++) {
        size_t len = strcspn(name, " ");
        if (strlen(words[used]) != len || memcmp(words[used], name, len) != 0) {
            return 0;
        }
        if (name[len] == '\0') {
            return used + 1;
        }
        name += len + 1;
    }
    return 0;
}

const struct command *commands_find(char *const *words, size_t count, size_t *used)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        *used = words_matched(commands[i]->name, words, count);
        if (*used > 0) {
            return commands[i];
        }
    }
    return NULL;
}
