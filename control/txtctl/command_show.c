#include <stdio.h>

#include "control/txtctl/account_call.h"
#include "control/txtctl/command.h"

static void print_delegate(const json_t *delegate)
{
    const json_t *values = json_object_get(delegate, "values"), *allowfrom = json_object_get(delegate, "allowfrom");
    size_t index;
    const json_t *item;
    (void)printf("%s%s\n", account_call_text(delegate, "fulldomain"),
                 json_is_true(json_object_get(delegate, "disabled")) ? " (disabled)" : "");
    json_array_foreach(values, index, item)
    {
        const char *expires = account_call_text(item, "expires_at");
        (void)printf("  value      %s  set %s%s%s\n", account_call_text(item, "value"),
                     account_call_text(item, "set_at"), *expires == '\0' ? "" : ", expires ", expires);
    }
    if (json_array_size(values) == 0) {
        (void)puts("  no value");
    }
    json_array_foreach(allowfrom, index, item)
    {
        (void)printf("  allowfrom  %s\n", json_string_value(item));
    }
    (void)printf("  created    %s\n", account_call_text(delegate, "created_at"));
}

static enum txtctl_status show(const struct options *options, const json_t *account)
{
    char path[128];
    json_t *json;
    if (snprintf(path, sizeof path, "/api/v1/delegates/%s", account_call_text(account, "subdomain")) >=
        (int)sizeof path) {
        (void)fprintf(stderr, "txtctl: %s: the account's subdomain is none\n", options->text[OPTION_CREDENTIALS]);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = account_call(options, account, path, NULL, &json);
    if (status == TXTCTL_DONE && options->text[OPTION_JSON] != NULL) {
        account_call_print(json);
    } else if (status == TXTCTL_DONE) {
        print_delegate(json);
    }
    json_decref(json);
    return status;
}

static enum txtctl_status run(const struct options *options)
{
    json_t *account;
    enum txtctl_status status = account_call_account(options, &account);
    if (status == TXTCTL_DONE) {
        status = show(options, account);
        json_decref(account);
    }
    return status;
}

const struct command command_show = {
    .name = "show",
    .arguments = "",
    .summary = "list the values and what is known of the delegate",
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT,
    .run = run,
};
