/* options.h: txtctl's command line. */
#ifndef TXTD_CONTROL_TXTCTL_OPTIONS_H
#define TXTD_CONTROL_TXTCTL_OPTIONS_H

#include <stdbool.h>

#define OPTIONS_ALLOWFROM_MAX 32

enum txtctl_status { TXTCTL_DONE = 0, TXTCTL_REFUSED = 1, TXTCTL_FAILED = 2 };

enum txtctl_command { TXTCTL_REGISTER, TXTCTL_UPDATE, TXTCTL_SHOW, TXTCTL_CHECK };

/* Strings are the command line's own, or constants. */
struct options {
    enum txtctl_command command;
    const char *url;         /* NULL: the account's */
    const char *ca;          /* PEM file; NULL: the system's authorities */
    bool insecure;           /* do not verify the certificate */
    const char *credentials; /* the account file */
    const char *domain;      /* the account's name in it; NULL: its only one */
    const char *server;      /* DNS server to ask; NULL: the API's host */
    const char *value;       /* of update and check */
    const char *allowfrom[OPTIONS_ALLOWFROM_MAX];
    unsigned allowfrom_count;
    unsigned timeout_s;
    bool json;
};

/* Reads the command line. Returns -1 to go on, or the exit status, everything being said already. */
int options_read(int argc, char **argv, struct options *options);

#endif
