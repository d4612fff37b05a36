#include "control/txtctl/account_call.h"

#include <stdio.h>

#include "control/txtctl/account_file.h"

enum txtctl_status account_call_failed(const struct error_detail *detail)
{
    (void)fprintf(stderr, "txtctl: %s\n", detail->text);
    return TXTCTL_FAILED;
}

const char *account_call_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

void account_call_print(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2));
    (void)putchar('\n');
}

struct api_client account_call_client(const struct options *options, const char *url)
{
    return (struct api_client){.url = url,
                               .ca = options->text[OPTION_CA],
                               .insecure = options->text[OPTION_INSECURE] != NULL,
                               .timeout_s = options->timeout_s};
}

enum txtctl_status account_call_refused(const struct api_client_reply *reply)
{
    const char *hint = "";
    switch (reply->status) {
    case 401:
        hint = " (a wrong key or token, an address outside allowfrom, or a registration token is needed: --url "
               ".../t/TOKEN)";
        break;
    case 404: hint = " (is the URL right, and registration on?)"; break;
    case 429: hint = " (too often; try again later)"; break;
    case 503: hint = " (the server takes no changes now; try again later)"; break;
    default: break;
    }
    const char *detail = account_call_text(reply->json, "detail"); /* what the native API says, better than a guess */
    (void)fprintf(stderr, "txtctl: the server answered %ld %s%s%s\n", reply->status,
                  account_call_text(reply->json, "error"), *detail == '\0' ? "" : ": ",
                  *detail == '\0' ? hint : detail);
    return TXTCTL_REFUSED;
}

enum txtctl_status account_call_account(const struct options *options, json_t **account)
{
    struct error_detail detail = {""};
    int result = account_file_read(options->text[OPTION_CREDENTIALS], options->text[OPTION_DOMAIN], account, &detail);
    return result == 0 ? TXTCTL_DONE : account_call_failed(&detail);
}

enum txtctl_status account_call(const struct options *options, const json_t *account, const char *path,
                                const json_t *body, json_t **json)
{
    struct error_detail detail = {""};
    struct api_client client =
        account_call_client(options, options->text[OPTION_URL] == NULL ? account_call_text(account, "server_url")
                                                                       : options->text[OPTION_URL]);
    struct api_client_reply reply;
    const struct api_client_request request = {.path = path,
                                               .username = account_call_text(account, "username"),
                                               .key = account_call_text(account, "password"),
                                               .body = body};
    *json = NULL;
    if (api_client_call(&client, &request, &reply, &detail) != 0) {
        return account_call_failed(&detail);
    }
    if (reply.status / 100 != 2 || !json_is_object(reply.json)) {
        enum txtctl_status status = account_call_refused(&reply);
        json_decref(reply.json);
        return status;
    }
    *json = reply.json;
    return TXTCTL_DONE;
}
