#include <stdio.h>

#include "control/txtctl/account_call.h"
#include "control/txtctl/command.h"
#include "control/txtctl/output.h"

static enum txtctl_status update(const struct options *options, const json_t *account)
{
    json_t *json,
        *body = json_pack("{s:s, s:s}", "subdomain", output_member(account, "subdomain"), "txt", options->arguments[0]);
    if (body == NULL) {
        (void)fputs("txtctl: the value is no UTF-8\n", stderr);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = account_call(options, account, NULL, "/update", body, &json);
    if (status == TXTCTL_DONE && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    }
    json_decref(json);
    json_decref(body);
    return status;
}

static enum txtctl_status run(const struct options *options)
{
    json_t *account;
    enum txtctl_status status = account_call_account(options, &account);
    if (status == TXTCTL_DONE) {
        status = update(options, account);
        json_decref(account);
    }
    return status;
}

const struct command command_update = {
    .name = "update",
    .arguments = "VALUE",
    .summary = "publish a value",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
