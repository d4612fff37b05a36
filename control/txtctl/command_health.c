/* `txtctl health`: is the txtd of this machine ready? For the health check of a container that has no shell and no curl. */
#include <stdbool.h>
#include <stdio.h>

#include "control/txtctl/api_call.h"
#include "control/txtctl/api_client.h"
#include "control/txtctl/command.h"
#include "control/txtctl/output.h"

#define INTERNAL_URL_DEFAULT "http://127.0.0.1:9153" /* of api.internal_listen, as the examples have it */

static enum txtctl_status run(const struct options *options)
{
    const char *url = options->text[OPTION_URL];
    const struct api_client_request request = {.path = "/readyz"};
    struct api_client client = api_call_client(options, url == NULL ? INTERNAL_URL_DEFAULT : url);
    struct api_client_reply reply;
    struct error_detail detail = {""};
    client.plain = true; /* nothing secret is sent */
    int result = api_client_call(&client, &request, &reply, &detail);
    if (result != 0) {
        return output_failed(&detail);
    }
    if (options->text[OPTION_JSON] != NULL && reply.json != NULL) {
        output_json(reply.json);
    } else if (reply.status == 200) {
        (void)puts("ready");
    } else {
        (void)fprintf(stderr, "txtctl: not ready: %ld %s\n", reply.status, output_member(reply.json, "detail"));
    }
    json_decref(reply.json);
    return reply.status == 200 ? TXTCTL_DONE : TXTCTL_REFUSED;
}

const struct command command_health = {
    .name = "health",
    .arguments = "",
    .summary = "whether DNS answers; --url: api.internal_listen (default " INTERNAL_URL_DEFAULT ") or the API",
    .takes = COMMAND_TAKES_API,
    .run = run,
};
