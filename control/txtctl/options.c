#include "control/txtctl/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIALS_DEFAULT "/etc/txtd/credentials.json"
#define TIMEOUT_DEFAULT_S   15
#define TIMEOUT_MAX_S       3600

static const char help[] =
    "usage: txtctl [options] register [--domain NAME] [--allowfrom CIDR]...\n"
    "       txtctl [options] update   [--domain NAME] VALUE\n"
    "       txtctl [options] show     [--domain NAME]\n"
    "       txtctl [options] check    [--domain NAME] [--server ADDRESS[:PORT]] VALUE\n"
    "\n"
    "  register  make a delegate and save its account\n"
    "  update    publish a value\n"
    "  show      list the values and what is known of the delegate\n"
    "  check     ask the DNS server whether it answers the value\n"
    "\n"
    "  -u, --url URL           the API, e.g. https://auth.example.org; with a registration token https://.../t/TOKEN\n"
    "                          (default: $TXTD_URL, else the account's server_url)\n"
    "  -d, --domain NAME       the domain that the account is for (default: the only one in the file)\n"
    "  -f, --credentials FILE  where accounts are kept (default: $TXTD_CREDENTIALS, else " CREDENTIALS_DEFAULT ")\n"
    "  -a, --allowfrom CIDR    accept the key from there only; may be repeated\n"
    "  -s, --server ADDRESS    DNS server to ask, 192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53 or a name\n"
    "                          (default: the API's host)\n"
    "      --ca FILE           trust these certificates (PEM) instead of the system's\n"
    "      --insecure          do not verify the API's certificate\n"
    "  -t, --timeout SECONDS   for a request (default 15)\n"
    "  -j, --json              print JSON\n"
    "      --version           print the version and exit\n"
    "  -h, --help              print this and exit\n"
    "\n"
    "Exit status: 0 done, or the value is there; 1 the server said no, or the value is not there; 2 it could not be\n"
    "tried.\n";

enum { OPTION_CA = 256, OPTION_INSECURE, OPTION_VERSION };

static int wrong(const char *what, const char *subject)
{
    (void)fprintf(stderr, "txtctl: %s%s%s; see txtctl --help\n", what, subject == NULL ? "" : " ",
                  subject == NULL ? "" : subject);
    return TXTCTL_FAILED;
}

static int read_timeout(const char *text, struct options *options)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || seconds == 0 || seconds > TIMEOUT_MAX_S) {
        return wrong("--timeout takes 1 to 3600 seconds, not", text);
    }
    options->timeout_s = (unsigned)seconds;
    return -1;
}

static int read_option(int option, struct options *options)
{
    switch (option) {
    case 'u': options->url = optarg; break;
    case 'd': options->domain = optarg; break;
    case 'f': options->credentials = optarg; break;
    case 's': options->server = optarg; break;
    case 't': return read_timeout(optarg, options);
    case 'j': options->json = true; break;
    case OPTION_CA: options->ca = optarg; break;
    case OPTION_INSECURE: options->insecure = true; break;
    case OPTION_VERSION: (void)printf("txtctl " TXTD_VERSION "\n"); return TXTCTL_DONE;
    case 'h': (void)fputs(help, stdout); return TXTCTL_DONE;
    case 'a':
        if (options->allowfrom_count == OPTIONS_ALLOWFROM_MAX) {
            return wrong("too many --allowfrom", NULL);
        }
        options->allowfrom[options->allowfrom_count++] = optarg;
        break;
    default: return TXTCTL_FAILED; /* getopt has said why */
    }
    return -1;
}

static int read_command(int argc, char **argv, struct options *options)
{
    static const struct {
        const char *name;
        enum txtctl_command command;
        bool takes_value;
    } commands[] = {{"register", TXTCTL_REGISTER, false},
                    {"update", TXTCTL_UPDATE, true},
                    {"show", TXTCTL_SHOW, false},
                    {"check", TXTCTL_CHECK, true}};
    if (optind == argc) {
        return wrong("no command", NULL);
    }
    const char *name = argv[optind++];
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) != 0) {
            continue;
        }
        options->command = commands[i].command;
        if (commands[i].takes_value && optind == argc) {
            return wrong("no value given to", name);
        }
        options->value = commands[i].takes_value ? argv[optind++] : NULL;
        return optind == argc ? -1 : wrong("there is no argument", argv[optind]);
    }
    return wrong("there is no command", name);
}

int options_read(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"url", required_argument, NULL, 'u'},
        {"domain", required_argument, NULL, 'd'},
        {"credentials", required_argument, NULL, 'f'},
        {"allowfrom", required_argument, NULL, 'a'},
        {"server", required_argument, NULL, 's'},
        {"ca", required_argument, NULL, OPTION_CA},
        {"insecure", no_argument, NULL, OPTION_INSECURE},
        {"timeout", required_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *credentials = getenv("TXTD_CREDENTIALS");
    *options = (struct options){.url = getenv("TXTD_URL"),
                                .credentials = credentials == NULL ? CREDENTIALS_DEFAULT : credentials,
                                .timeout_s = TIMEOUT_DEFAULT_S};
    int option;
    while ((option = getopt_long(argc, argv, "u:d:f:a:s:t:jh", known, NULL)) != -1) {
        int status = read_option(option, options);
        if (status != -1) {
            return status;
        }
    }
    if (options->insecure && options->ca != NULL) {
        return wrong("--insecure and --ca exclude each other", NULL);
    }
    return read_command(argc, argv, options);
}
