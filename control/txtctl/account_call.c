#include "control/txtctl/account_call.h"

#include <stdio.h>

#include "control/txtctl/account_file.h"
#include "control/txtctl/api_call.h"
#include "control/txtctl/output.h"

enum txtctl_status account_call_account(const struct options *options, json_t **account)
{
    struct error_detail detail = {""};
    int result = account_file_read(options->text[OPTION_CREDENTIALS], options->text[OPTION_DOMAIN], account, &detail);
    return result == 0 ? TXTCTL_DONE : output_failed(&detail);
}

const char *account_call_url(const struct options *options, const json_t *account)
{
    return options->text[OPTION_URL] == NULL ? output_member(account, "server_url") : options->text[OPTION_URL];
}

enum txtctl_status account_call(const struct options *options, const json_t *account, const char *method,
                                const char *path, const json_t *body, json_t **json)
{
    const char *url = account_call_url(options, account);
    *json = NULL;
    if (*url == '\0') {
        (void)fputs("txtctl: the account has no server_url: give --url\n", stderr);
        return TXTCTL_FAILED;
    }
    return api_call(options, url,
                    &(struct api_client_request){.path = path,
                                                 .username = output_member(account, "username"),
                                                 .key = output_member(account, "password"),
                                                 .method = method,
                                                 .body = body},
                    json);
}
