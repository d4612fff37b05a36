/* `txtctl control status`: what a running txtd says of itself through its control socket. */
#include <stdbool.h>
#include <stdio.h>

#include "control/txtctl/command.h"
#include "control/txtctl/control_client.h"
#include "control/txtctl/output.h"

static void print(const json_t *status)
{
    const char *until = output_member(status, "certificate_not_after");
    const char *name = output_member(status, "acme_name"), *target = output_member(status, "acme_target");
    (void)printf("pid          %lld\ncertificate  until %s\n",
                 (long long)json_integer_value(json_object_get(status, "pid")), *until == '\0' ? "?" : until);
    if (*name != '\0') {
        bool served = json_is_true(json_object_get(status, "acme_cname_served"));
        (void)printf("challenge    _acme-challenge.%s. IN CNAME %s.  (%s)\n", name, target,
                     served ? "answered by txtd" : "add it to that name's zone");
    }
}

static enum txtctl_status run(const struct options *options)
{
    json_t *reply = NULL;
    enum txtctl_status status = control_client_call(options, json_pack("{s:s}", "command", "status"), &reply);
    if (status == TXTCTL_DONE && options->text[OPTION_JSON] != NULL) {
        output_json(reply);
    } else if (status == TXTCTL_DONE) {
        print(reply);
    }
    json_decref(reply);
    return status;
}

const struct command command_control_status = {
    .name = "control status",
    .arguments = "",
    .summary = "what the txtd of this machine says of itself",
    .takes = COMMAND_TAKES(OPTION_SOCKET) | COMMAND_TAKES(OPTION_TIMEOUT) | COMMAND_TAKES(OPTION_JSON),
    .run = run,
};
