/* options.h: txtctl's command line: options, the command, its arguments. */
#ifndef TXTD_CONTROL_TXTCTL_OPTIONS_H
#define TXTD_CONTROL_TXTCTL_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#define OPTIONS_ALLOWFROM_MAX 32

enum txtctl_status { TXTCTL_DONE = 0, TXTCTL_REFUSED = 1, TXTCTL_FAILED = 2 };

/* Every option of every command; a command says which it takes (command.h). */
enum option_id {
    OPTION_URL,
    OPTION_DOMAIN,
    OPTION_CREDENTIALS,
    OPTION_ALLOWFROM,
    OPTION_SERVER,
    OPTION_CA,
    OPTION_INSECURE,
    OPTION_SOCKET,
    OPTION_SETTLE,
    OPTION_TIMEOUT,
    OPTION_JSON,
    OPTION_ISSUER,
    OPTION_VALUE,
    OPTION_STRICT,
    OPTION_CONFIG,
    OPTION_ZONE,
    OPTION_DRY_RUN,
    OPTION_TOKEN_FILE,
    OPTION_DISABLED,
    OPTION_ACCOUNT_URL,
    OPTION_KEEP,
    OPTION_YES,
    OPTION_RETAIN,
    OPTION_NUMBER,
    OPTION_INTO,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_COUNT
};

/* What the help and the shells' completion say of an option. */
struct option_row {
    const char *name;     /* without the dashes */
    char letter;          /* or 0 */
    const char *argument; /* as the help names it; NULL: a flag */
    const char *help;     /* lines separated by \n */
};
extern const struct option_row option_rows[OPTION_COUNT];

struct command;

/* Strings are the command line's own, the environment's, or constants. */
struct options {
    const struct command *command;
    uint64_t given;                 /* on the command line: COMMAND_TAKES of each (command.h) */
    const char *text[OPTION_COUNT]; /* NULL: not given and without a default; of a flag "" */
    const char *allowfrom[OPTIONS_ALLOWFROM_MAX];
    unsigned allowfrom_count;
    unsigned timeout_s;
    char *const *arguments; /* of the command; as many as it wants */
    size_t arguments_count;
};

/* Reads a whole number in decimal digits, of which there is nothing else. Returns 0 with *number, or TXTD_EINVAL: it is none, or not
 * from `min` to `max`. Pure. */
int options_number(const char *text, unsigned long min, unsigned long max, unsigned long *number);

/* Reads the command line. Returns -1 to go on, or the exit status, everything being said already. */
int options_read(int argc, char **argv, struct options *options);

#endif
