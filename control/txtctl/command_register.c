#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/account_file.h"
#include "control/txtctl/api_call.h"
#include "control/txtctl/command.h"
#include "control/txtctl/output.h"

#define DOMAIN_MAX 256

/* What update and show are to use later: the URL that has worked, without the registration token, which they do not need. */
static json_t *lasting_url(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    size_t last = len;
    while (last > 0 && url[last - 1] != '/') {
        last--;
    }
    if (last >= 3 && strncmp(url + last - 3, "/t/", 3) == 0) {
        len = last - 3;
    }
    return json_stringn(url, len);
}

static json_t *registration_body(const struct options *options)
{
    json_t *body = json_object(), *list = json_array();
    for (unsigned i = 0; i < options->allowfrom_count; i++) {
        (void)json_array_append_new(list, json_string(options->allowfrom[i]));
    }
    if (options->allowfrom_count > 0) {
        (void)json_object_set(body, "allowfrom", list);
    }
    json_decref(list);
    return body;
}

static void print_registered(const struct options *options, const json_t *account, const char *domain,
                             size_t domain_len)
{
    const char *name = output_member(account, "fulldomain");
    if (options->text[OPTION_JSON] != NULL) {
        output_json(account);
    } else if (options->text[OPTION_DOMAIN] == NULL) {
        (void)printf("%s\n", name);
    } else {
        (void)printf("Registered %s. Add this record to the zone of %.*s:\n\n  _acme-challenge.%.*s. IN CNAME %s.\n",
                     name, (int)domain_len, domain, (int)domain_len, domain, name);
    }
}

/* Saves what the server has made. If that fails the account is printed: nobody could ever get at it again. */
static enum txtctl_status save_account(const struct options *options, struct account_file *file, json_t *account)
{
    struct error_detail detail = {""};
    size_t len;
    const char *domain = account_file_domain(options->text[OPTION_DOMAIN] == NULL ? output_member(account, "fulldomain")
                                                                                  : options->text[OPTION_DOMAIN],
                                             &len);
    char key[DOMAIN_MAX];
    (void)snprintf(key, sizeof key, "%.*s", (int)len, domain);
    for (char *at = key; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at); /* other programs look it up as it is written */
    }
    (void)json_object_set_new(account, "server_url", lasting_url(options->text[OPTION_URL]));
    if (json_object_set(account_file_accounts(file), key, account) != 0 || account_file_save(file, &detail) != 0) {
        output_json(account);
        (void)fprintf(stderr, "txtctl: keep the account above, it could not be saved: %s\n", detail.text);
        return TXTCTL_FAILED;
    }
    print_registered(options, account, domain, len);
    return TXTCTL_DONE;
}

static enum txtctl_status ask_registration(const struct options *options, struct account_file *file)
{
    json_t *body = registration_body(options), *account;
    const struct api_client_request request = {.path = "/register", .body = body};
    enum txtctl_status status = api_call(options, options->text[OPTION_URL], &request, &account);
    json_decref(body);
    if (status == TXTCTL_DONE && account == NULL) {
        (void)fputs("txtctl: the server has answered without an account\n", stderr);
        status = TXTCTL_FAILED;
    } else if (status == TXTCTL_DONE) {
        status = save_account(options, file, account);
    }
    json_decref(account);
    return status;
}

static enum txtctl_status run_register(const struct options *options)
{
    struct error_detail detail = {""};
    struct account_file *file;
    json_t *known = NULL;
    if (options->text[OPTION_URL] == NULL) {
        (void)fputs("txtctl: give the API's --url\n", stderr);
        return TXTCTL_FAILED;
    }
    if (account_file_open(options->text[OPTION_CREDENTIALS], &file, &detail) != 0) {
        return output_failed(&detail);
    }
    enum txtctl_status status;
    int found = options->text[OPTION_DOMAIN] == NULL ? TXTD_ENOTFOUND
                                                     : account_file_read(options->text[OPTION_CREDENTIALS],
                                                                         options->text[OPTION_DOMAIN], &known, &detail);
    if (found != 0 && found != TXTD_ENOTFOUND) {
        status = output_failed(&detail); /* something that we do not understand is not written over */
    } else if (found == 0) {
        (void)fprintf(stderr, "txtctl: %s has an account for %s already, %s\n", options->text[OPTION_CREDENTIALS],
                      options->text[OPTION_DOMAIN], output_member(known, "fulldomain"));
        status = TXTCTL_FAILED;
    } else {
        status = ask_registration(options, file);
    }
    json_decref(known);
    account_file_close(file);
    return status;
}

const struct command command_register = {
    .name = "register",
    .arguments = "",
    .summary = "make a delegate and save its account",
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES(OPTION_ALLOWFROM),
    .run = run_register,
};
