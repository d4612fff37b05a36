/* `txtctl control status`: what a running txtd says of itself through its control socket. */
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "control/txtctl/command.h"
#include "control/txtctl/control_client.h"

static void print(const json_t *status)
{
    char date[32] = "?";
    time_t not_after = (time_t)json_integer_value(json_object_get(status, "certificate_not_after"));
    struct tm parts;
    const char *name = json_string_value(json_object_get(status, "acme_name"));
    const char *target = json_string_value(json_object_get(status, "acme_target"));
    if (gmtime_r(&not_after, &parts) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    (void)printf("pid          %lld\ncertificate  until %s\n",
                 (long long)json_integer_value(json_object_get(status, "pid")), date);
    if (name != NULL && name[0] != '\0' && target != NULL) {
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
        (void)json_dumpf(reply, stdout, JSON_INDENT(2));
        (void)putchar('\n');
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
