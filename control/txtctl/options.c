#include "control/txtctl/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/commands.h"
#include "control/txtctl/help.h"
#include "dataplane/error.h"

#define CREDENTIALS_DEFAULT    "/etc/txtd/credentials.json"
#define CONFIG_DEFAULT         "/etc/txtd/txtd.yaml"
#define CONTROL_SOCKET_DEFAULT "/run/txtd/control.sock"
#define TIMEOUT_DEFAULT_S      15
#define TIMEOUT_MAX_S          3600

const struct option_row option_rows[OPTION_COUNT] = {
    [OPTION_URL] = {"url", 'u', "URL",
                    "the API, e.g. https://auth.example.org; with a registration token https://.../t/TOKEN\n"
                    "(default: $TXTD_URL, else the account's server_url)"},
    [OPTION_DOMAIN] = {"domain", 'd', "NAME", "the domain that the account is for (default: the only one in the file)"},
    [OPTION_CREDENTIALS] = {"credentials", 'f', "FILE",
                            "where accounts are kept (default: $TXTD_CREDENTIALS, else " CREDENTIALS_DEFAULT ")"},
    [OPTION_ALLOWFROM] = {"allowfrom", 'a', "CIDR", "accept the key from there only; may be repeated"},
    [OPTION_SERVER] = {"server", 's', "ADDRESS",
                       "DNS server to ask, 192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53 or a name\n"
                       "(default: the API's host; of doctor: the system's resolver)"},
    [OPTION_CA] = {"ca", 0, "FILE", "trust these certificates (PEM) instead of the system's"},
    [OPTION_INSECURE] = {"insecure", 0, NULL, "do not verify the API's certificate"},
    [OPTION_SOCKET] = {"socket", 'S', "PATH",
                       "txtd's control socket (default: $TXTD_CONTROL_SOCKET, else " CONTROL_SOCKET_DEFAULT ")"},
    [OPTION_SETTLE] = {"settle", 0, "SECONDS", "wait so long after publishing (default 2)"},
    [OPTION_TIMEOUT] = {"timeout", 't', "SECONDS", "for a request (default 15)"},
    [OPTION_JSON] = {"json", 'j', NULL, "print JSON"},
    [OPTION_ISSUER] = {"issuer", 0, "DOMAIN", "the authority as CAA records name it, e.g. letsencrypt.org"},
    [OPTION_VALUE] = {"value", 0, "VALUE", "a value that must be visible everywhere"},
    [OPTION_STRICT] = {"strict", 0, NULL, "let warnings count as problems"},
    [OPTION_CONFIG] = {"config", 'c', "FILE",
                       "the configuration of the txtd that is meant (default: $TXTD_CONFIG, else " CONFIG_DEFAULT ")"},
    [OPTION_ZONE] = {"zone", 'z', "NAME",
                     "the zone (default: the first of the configuration; of list and export: all)"},
    [OPTION_DRY_RUN] = {"dry-run", 'n', NULL, "change nothing, only say what would be done"},
    [OPTION_TOKEN_FILE] = {"token-file", 'T', "FILE",
                           "the operator's token is its first line (default: $TXTD_OPERATOR_TOKEN_FILE)"},
    [OPTION_DISABLED] = {"disabled", 0, NULL, "only those that are disabled"},
    [OPTION_ACCOUNT_URL] = {"account-url", 0, "URL", "the ACME account's URL, as the authority gave it"},
    [OPTION_KEEP] = {"keep", 0, NULL, "let the old key in as well, until it is revoked"},
    [OPTION_YES] = {"yes", 'y', NULL, "really do what cannot be undone"},
    [OPTION_RETAIN] = {"retain", 0, "COUNT", "remove all but so many of the newest backups (default: keep all)"},
    [OPTION_NUMBER] = {"number", 0, "NUMBER", "which backup (default: the newest)"},
    [OPTION_INTO] = {"into", 0, "DIRECTORY",
                     "make a store there, which must not exist, and leave the configured one alone"},
    [OPTION_VERSION] = {"version", 0, NULL, "print the version and exit"},
    [OPTION_HELP] = {"help", 'h', NULL, "print this, or with a command what it takes, and exit"},
};

#define LONG_OPTION 256 /* what getopt returns for the first row; above any letter */

static int wrong(const char *what, const char *subject)
{
    (void)fprintf(stderr, "txtctl: %s%s%s; see txtctl --help\n", what, subject == NULL ? "" : " ",
                  subject == NULL ? "" : subject);
    return TXTCTL_FAILED;
}

int options_number(const char *text, unsigned long min, unsigned long max, unsigned long *number)
{
    char *end;
    *number = strtoul(text, &end, 10); /* too large a one is ULONG_MAX */
    return *text >= '0' && *text <= '9' && *end == '\0' && *number >= min && *number <= max ? 0 : TXTD_EINVAL;
}

static int read_timeout(const char *text, struct options *options)
{
    unsigned long seconds;
    if (options_number(text, 1, TIMEOUT_MAX_S, &seconds) != 0) {
        return wrong("--timeout takes 1 to 3600 seconds, not", text);
    }
    options->timeout_s = (unsigned)seconds;
    return -1;
}

static int read_option(enum option_id id, struct options *options)
{
    options->text[id] = option_rows[id].argument == NULL ? "" : optarg;
    switch (id) {
    case OPTION_TIMEOUT: return read_timeout(optarg, options);
    case OPTION_VERSION: (void)printf("txtctl " TXTD_VERSION "\n"); return TXTCTL_DONE;
    case OPTION_ALLOWFROM:
        if (options->allowfrom_count == OPTIONS_ALLOWFROM_MAX) {
            return wrong("too many --allowfrom", NULL);
        }
        options->allowfrom[options->allowfrom_count++] = optarg;
        return -1;
    default: return -1;
    }
}

/* The rows as getopt wants them. */
static void describe(struct option known[OPTION_COUNT + 1], char letters[2 * OPTION_COUNT + 1])
{
    memset(known, 0, (OPTION_COUNT + 1) * sizeof *known);
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        known[id].name = row->name;
        known[id].has_arg = row->argument == NULL ? no_argument : required_argument;
        known[id].val = LONG_OPTION + id;
        if (row->letter != 0) {
            *letters++ = row->letter;
            if (row->argument != NULL) {
                *letters++ = ':';
            }
        }
    }
    *letters = '\0';
}

static int id_of(int option)
{
    if (option >= LONG_OPTION) {
        return option - LONG_OPTION;
    }
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (option_rows[id].letter == option) {
            return id;
        }
    }
    return -1;
}

static bool is_first_word(const char *word)
{
    const struct command *command;
    for (size_t i = 0; (command = commands_get(i)) != NULL; i++) {
        if (commands_begins_with(command, word, strlen(word))) {
            return true;
        }
    }
    return false;
}

/* Finds the command, or shows the help that is asked for. */
static int read_command(char *const *words, size_t count, struct options *options)
{
    bool help = options->text[OPTION_HELP] != NULL;
    size_t used = 0;
    options->command = commands_find(words, count, &used);
    options->arguments = words + used;
    options->arguments_count = count - used;
    if (help && options->command != NULL) {
        help_print_command(options->command);
    } else if (help && count == 0) {
        help_print();
    } else if (help && is_first_word(words[0])) {
        help_print_group(words[0]);
    } else if (options->command != NULL) {
        return -1;
    } else if (count == 0) {
        return wrong("no command", NULL);
    } else if (is_first_word(words[0])) {
        (void)fprintf(stderr, "txtctl: %s needs another word; see txtctl %s --help\n", words[0], words[0]);
        return TXTCTL_FAILED;
    } else {
        return wrong("there is no command", words[0]);
    }
    return TXTCTL_DONE;
}

static int check_arguments(const struct options *options)
{
    const struct command *command = options->command;
    if (options->arguments_count < command->arguments_min) {
        (void)fprintf(stderr, "txtctl: %s needs %s; see txtctl --help\n", command->name, command->arguments);
        return TXTCTL_FAILED;
    }
    if (options->arguments_count <= command->arguments_max) {
        return -1;
    }
    (void)fprintf(stderr, "txtctl: %s takes ", command->name);
    if (command->arguments_max == 0) {
        (void)fprintf(stderr, "no argument, not %s", options->arguments[0]);
    } else {
        (void)fprintf(stderr, "%s%u argument%s, %s, not %zu",
                      command->arguments_min < command->arguments_max ? "at most " : "", command->arguments_max,
                      command->arguments_max == 1 ? "" : "s", command->arguments, options->arguments_count);
    }
    (void)fprintf(stderr, "; see txtctl %s --help\n", command->name);
    return TXTCTL_FAILED;
}

/* An option that the command does not look at is a misunderstanding, and better not passed over. */
static int check_taken(const struct options *options)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        if ((options->given & COMMAND_TAKES(id)) != 0 && (options->command->takes & COMMAND_TAKES(id)) == 0) {
            (void)fprintf(stderr, "txtctl: %s takes no --%s; see txtctl %s --help\n", options->command->name,
                          option_rows[id].name, options->command->name);
            return TXTCTL_FAILED;
        }
    }
    if (options->text[OPTION_INSECURE] != NULL && options->text[OPTION_CA] != NULL) {
        return wrong("--insecure and --ca exclude each other", NULL);
    }
    return -1;
}

int options_read(int argc, char **argv, struct options *options)
{
    struct option known[OPTION_COUNT + 1];
    char letters[2 * OPTION_COUNT + 1];
    const char *credentials = getenv("TXTD_CREDENTIALS");
    int option, status;
    describe(known, letters);
    *options = (struct options){.timeout_s = TIMEOUT_DEFAULT_S};
    options->text[OPTION_URL] = getenv("TXTD_URL");
    const char *config = getenv("TXTD_CONFIG");
    options->text[OPTION_CONFIG] = config == NULL ? CONFIG_DEFAULT : config;
    options->text[OPTION_TOKEN_FILE] = getenv("TXTD_OPERATOR_TOKEN_FILE");
    const char *socket = getenv("TXTD_CONTROL_SOCKET");
    options->text[OPTION_SOCKET] = socket == NULL ? CONTROL_SOCKET_DEFAULT : socket;
    options->text[OPTION_CREDENTIALS] = credentials == NULL ? CREDENTIALS_DEFAULT : credentials;
    while ((option = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        int id = id_of(option);
        if (id < 0) {
            (void)fputs("txtctl: see txtctl --help\n", stderr); /* getopt has said why */
            return TXTCTL_FAILED;
        }
        status = read_option((enum option_id)id, options);
        if (status != -1) {
            return status;
        }
        options->given |= COMMAND_TAKES(id);
    }
    status = read_command(argv + optind, (size_t)(argc - optind), options);
    status = status != -1 ? status : check_arguments(options);
    return status != -1 ? status : check_taken(options);
}
