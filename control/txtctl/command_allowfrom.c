#include <stdio.h>

#include "control/txtctl/account_call.h"
#include "control/txtctl/api_call.h"
#include "control/txtctl/api_client.h"
#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

/* Whether the account's key is refused from here. Only the server knows from which address this comes to it. */
static bool is_shut_out(const struct options *options, const json_t *account)
{
    char path[128];
    struct error_detail detail;
    struct api_client_reply reply;
    struct api_client client = api_call_client(options, account_call_url(options, account));
    const struct api_client_request request = {
        .path = path, .username = output_member(account, "username"), .key = output_member(account, "password")};
    (void)snprintf(path, sizeof path, "/api/v1/delegates/%.64s", output_member(account, "subdomain"));
    bool refused = api_client_call(&client, &request, &reply, &detail) == 0 && reply.status == 401;
    json_decref(reply.json);
    return refused;
}

/* The change is made: it may be right that this machine's key is good elsewhere only. */
static void warn_if_shut_out(const struct options *options)
{
    json_t *account;
    if (options->arguments_count == 0 || account_call_account(options, &account) != TXTCTL_DONE) {
        return;
    }
    if (is_shut_out(options, account)) {
        (void)fprintf(
            stderr,
            "txtctl: done, and the key is refused from this address now. From one of those given it can be changed\n"
            "back, or by the operator: txtctl allowfrom %s [CIDR...]\n",
            output_member(account, "subdomain"));
    }
    json_decref(account);
}

static enum txtctl_status change_as_operator(const struct options *options)
{
    json_t *json, *body = delegate_call_list_body(options, 1, "allowfrom");
    if (body == NULL) {
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = delegate_call_operator_at(options, "PATCH", options->arguments[0], "", body, &json);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    }
    json_decref(json);
    json_decref(body);
    return status;
}

static enum txtctl_status run(const struct options *options)
{
    if (options->arguments_count > 0 && delegate_call_names_one(options->arguments[0])) {
        return change_as_operator(options);
    }
    enum txtctl_status status = delegate_call_list(options, "PATCH", "", "allowfrom");
    if (status == TXTCTL_DONE) {
        warn_if_shut_out(options);
    }
    return status;
}

const struct command command_allowfrom = {
    .name = "allowfrom",
    .arguments = "[DELEGATE] [CIDR...]",
    .summary = "accept the keys from there only; none: from anywhere; of any delegate as the operator",
    .arguments_max = OPTIONS_ALLOWFROM_MAX + 1,
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES_OPERATOR,
    .run = run,
};
