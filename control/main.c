/* main.c: txtd's command line and its signals. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "control/daemon.h"
#include "control/log.h"
#include "control/standard_output.h"

#define CONFIG_FILE_DEFAULT "/etc/txtd/txtd.yaml"

struct options {
    const char *config_file;
    bool check;
    bool take_over;
};

static void print_help(void)
{
    (void)printf("usage: txtd [-c FILE] [--check-config | --take-over]\n"
                 "\n"
                 "Serves ACME DNS-01 challenge values over DNS and takes them over HTTPS.\n"
                 "\n"
                 "  -c, --config FILE   configuration (default " CONFIG_FILE_DEFAULT ")\n"
                 "      --check-config  check it, with the zone files and the certificate, and exit\n"
                 "      --take-over     take over from the txtd that runs with this configuration (its\n"
                 "                      process.control_socket): no query is lost, changes are refused while this one\n"
                 "                      loads; if it fails, that one goes on\n"
                 "      --version       print the version and exit\n"
                 "  -h, --help          print this and exit\n"
                 "\n"
                 "SIGTERM and SIGINT stop it once running requests are done; SIGHUP reloads the configuration.\n");
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    enum { CHECK = 256, TAKE_OVER, VERSION };
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, CHECK},
        {"take-over", no_argument, NULL, TAKE_OVER},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        switch (option) {
        case 'c': options->config_file = optarg; break;
        case CHECK: options->check = true; break;
        case TAKE_OVER: options->take_over = true; break;
        case VERSION: (void)printf("txtd " TXTD_VERSION "\n"); return EXIT_SUCCESS;
        case 'h': print_help(); return EXIT_SUCCESS;
        default: return 2; /* getopt has said why */
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "txtd: there is no argument \"%s\"; see txtd --help\n", argv[optind]);
        return 2;
    }
    return -1;
}

static int check(const struct config *config)
{
    struct error_detail detail = {""};
    if (daemon_check(config, &detail) != 0) {
        (void)fprintf(stderr, "txtd: %s\n", detail.text);
        return EXIT_FAILURE;
    }
    (void)printf("txtd: %s is fine\n", config->file);
    return EXIT_SUCCESS;
}

/* The signals that the main thread waits for. They are blocked before any other thread starts, so none else gets them. */
static void block_signals(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGTERM);
    (void)sigaddset(signals, SIGINT);
    (void)sigaddset(signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that goes away is an error of its write */
}

static void serve(struct daemon *daemon, struct log *log, const sigset_t *signals)
{
    const struct timespec tick = {.tv_sec = 1};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &tick);
        if (daemon_tick(daemon)) {
            log_event(log, LOG_LEVEL_INFO, "stop.begin", log_text("reason", "taken over"));
            return;
        }
        if (number == SIGHUP) {
            daemon_reload(daemon);
        } else if (number > 0) {
            log_event(log, LOG_LEVEL_INFO, "stop.begin", log_text("signal", sigabbrev_np(number)));
            return;
        }
    }
}

/* A descriptor 0, 1 or 2 that the starter has closed would be given to a socket or to a file of the store, and the log
 * would be written into it. */
static bool fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

static int run(struct config *config, bool take_over, const sigset_t *signals)
{
    struct log *log = log_new(STDERR_FILENO, &config->log);
    struct daemon *daemon = NULL;
    struct error_detail detail = {""};
    if (log == NULL) {
        config_free(config);
        return EXIT_FAILURE;
    }
    int rc = daemon_start(config, log, take_over, &daemon, &detail);
    if (rc != 0) {
        log_event(log, LOG_LEVEL_ERROR, "start.failed",
                  log_text("error", detail.text[0] != '\0' ? detail.text : txtd_error_text(rc)));
        config_free(config);
    } else {
        serve(daemon, log, signals);
        daemon_stop(daemon);
        log_event(log, LOG_LEVEL_INFO, "stop.end");
    }
    log_free(log);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int finish(int status)
{
    return standard_output_finish("txtd") ? status : 2;
}

int main(int argc, char **argv)
{
    struct options options = {.config_file = CONFIG_FILE_DEFAULT};
    struct config *config = NULL;
    struct error_detail detail = {""};
    sigset_t signals;
    if (!fill_standard_descriptors()) {
        return EXIT_FAILURE;
    }
    int status = read_options(argc, argv, &options);
    if (status >= 0) {
        return finish(status);
    }
    if (!options.check) {
        block_signals(&signals); /* first of all: a SIGHUP that comes early is no reason to die */
    }
    if (config_load(options.config_file, &config, &detail) != 0) {
        (void)fprintf(stderr, "txtd: %s\n", detail.text);
        return EXIT_FAILURE;
    }
    if (options.check) {
        status = check(config);
        config_free(config);
        return finish(status);
    }
    return run(config, options.take_over, &signals);
}
