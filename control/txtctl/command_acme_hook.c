/* `txtctl acme-hook`: publishes the challenge of txtd's own certificate through its control socket. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/txtctl/acme_hook.h"
#include "control/txtctl/command.h"
#include "control/txtctl/control_client.h"
#include "dataplane/error.h"

#define SETTLE_DEFAULT_S 2 /* the authority's resolver may hold an older answer for the values' TTL */
#define SETTLE_MAX_S     600

static enum txtctl_status carry_out(const struct options *options, const struct acme_hook_call *call)
{
    for (unsigned i = 0; i < call->values_count; i++) {
        json_t *reply = NULL;
        json_t *request = json_pack("{s:s, s:s}", "command", call->publishes ? "acme-publish" : "acme-clear", "value",
                                    call->values[i]);
        enum txtctl_status status = control_client_call(options, request, &reply);
        json_decref(reply);
        if (status != TXTCTL_DONE) {
            return status;
        }
    }
    return TXTCTL_DONE;
}

static int read_settle(const char *text, unsigned *settle_s)
{
    unsigned long seconds = SETTLE_DEFAULT_S;
    if (text != NULL && options_number(text, 0, SETTLE_MAX_S, &seconds) != 0) {
        (void)fprintf(stderr, "txtctl: --settle takes 0 to %d seconds, not %s\n", SETTLE_MAX_S, text);
        return TXTD_EINVAL;
    }
    *settle_s = (unsigned)seconds;
    return 0;
}

static enum txtctl_status run(const struct options *options)
{
    struct acme_hook_call call;
    unsigned settle_s;
    if (read_settle(options->text[OPTION_SETTLE], &settle_s) != 0) {
        return TXTCTL_FAILED;
    }
    if (acme_hook_understand((int)options->arguments_count, options->arguments, getenv("CERTBOT_VALIDATION"),
                             getenv("CERTBOT_AUTH_OUTPUT"), &call) != 0) {
        (void)fputs(
            options->arguments_count == 0
                ? "txtctl: acme-hook is what an ACME client calls, with the challenge: make it the client's hook, by\n"
                  "uacme --hook /usr/share/txtd/clients/own-hook issue NAME, for instance\n"
                : "txtctl: acme-hook: no ACME client that is known calls like that\n",
            stderr);
        return TXTCTL_FAILED;
    }
    if (call.declined) {
        return TXTCTL_REFUSED;
    }
    enum txtctl_status status = carry_out(options, &call);
    if (status == TXTCTL_DONE && call.publishes) {
        (void)sleep(settle_s);
    }
    return status;
}

const struct command command_acme_hook = {
    .name = "acme-hook",
    .arguments = "[-- ARGUMENT...]",
    .summary = "what an ACME client calls for txtd's own certificate",
    .arguments_max = UINT8_MAX,
    .takes = COMMAND_TAKES(OPTION_SOCKET) | COMMAND_TAKES(OPTION_SETTLE) | COMMAND_TAKES(OPTION_TIMEOUT),
    .run = run,
};
