#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/txtctl/account_call.h"
#include "control/txtctl/command.h"
#include "control/txtctl/dns_check.h"
#include "control/txtctl/output.h"

/* The host of a URL; the caller frees it with curl_free. NULL when there is none. */
static char *host_of(const char *url)
{
    char *host = NULL;
    CURLU *parts = curl_url();
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        (void)curl_url_get(parts, CURLUPART_HOST, &host, 0);
    }
    curl_url_cleanup(parts);
    return host;
}

static enum txtctl_status check(const struct options *options, const json_t *account)
{
    struct error_detail detail = {""};
    char *host = options->text[OPTION_SERVER] == NULL ? host_of(account_call_url(options, account)) : NULL;
    const char *server = options->text[OPTION_SERVER] == NULL ? host : options->text[OPTION_SERVER];
    const char *name = output_member(account, "fulldomain");
    bool found;
    if (server == NULL) {
        (void)fputs("txtctl: give the DNS --server to ask\n", stderr);
        return TXTCTL_FAILED;
    }
    int result = dns_check(server, name, options->arguments[0], options->timeout_s, &found, &detail);
    enum txtctl_status status = result != 0 ? output_failed(&detail) : found ? TXTCTL_DONE : TXTCTL_REFUSED;
    if (result == 0 && options->text[OPTION_JSON] == NULL) {
        (void)printf("%s %s at %s\n", server, found ? "answers the value" : "does not answer the value", name);
    } else if (result == 0) {
        (void)printf("{\"found\": %s}\n", found ? "true" : "false");
    }
    curl_free(host);
    return status;
}

static enum txtctl_status run(const struct options *options)
{
    json_t *account;
    enum txtctl_status status = account_call_account(options, &account);
    if (status == TXTCTL_DONE) {
        status = check(options, account);
        json_decref(account);
    }
    return status;
}

const struct command command_check = {
    .name = "check",
    .arguments = "VALUE",
    .summary = "ask the DNS server whether it answers the value",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES_ACCOUNT | COMMAND_TAKES(OPTION_URL) | COMMAND_TAKES(OPTION_SERVER) |
             COMMAND_TAKES(OPTION_TIMEOUT) | COMMAND_TAKES(OPTION_JSON),
    .run = run,
};
