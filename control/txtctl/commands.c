#include "control/txtctl/commands.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/account_file.h"
#include "control/txtctl/api_client.h"
#include "control/txtctl/dns_check.h"

/* --- What all share --- */

static enum txtctl_status failed(const struct error_detail *detail)
{
    (void)fprintf(stderr, "txtctl: %s\n", detail->text);
    return TXTCTL_FAILED;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static void print_json(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2));
    (void)putchar('\n');
}

static struct api_client client_of(const struct options *options, const char *url)
{
    return (struct api_client){
        .url = url, .ca = options->ca, .insecure = options->insecure, .timeout_s = options->timeout_s};
}

/* The server said no: what, and what may be done about it. */
static enum txtctl_status refused(const struct api_client_reply *reply)
{
    const char *hint = "";
    switch (reply->status) {
    case 401:
        hint = " (a wrong key, an address outside allowfrom, or a registration token is needed: --url .../t/TOKEN)";
        break;
    case 404: hint = " (is the URL right, and registration on?)"; break;
    case 429: hint = " (too often; try again later)"; break;
    case 503: hint = " (the server takes no changes now; try again later)"; break;
    default: break;
    }
    (void)fprintf(stderr, "txtctl: the server answered %ld %s%s\n", reply->status, text_of(reply->json, "error"), hint);
    return TXTCTL_REFUSED;
}

/* --- register --- */

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
    const char *name = text_of(account, "fulldomain");
    if (options->json) {
        print_json(account);
    } else if (options->domain == NULL) {
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
    const char *domain =
        account_file_domain(options->domain == NULL ? text_of(account, "fulldomain") : options->domain, &len);
    char key[DNS_CHECK_HOST_MAX];
    (void)snprintf(key, sizeof key, "%.*s", (int)len, domain);
    for (char *at = key; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at); /* other programs look it up as it is written */
    }
    (void)json_object_set_new(account, "server_url", lasting_url(options->url));
    if (json_object_set(account_file_accounts(file), key, account) != 0 || account_file_save(file, &detail) != 0) {
        print_json(account);
        (void)fprintf(stderr, "txtctl: keep the account above, it could not be saved: %s\n", detail.text);
        return TXTCTL_FAILED;
    }
    print_registered(options, account, domain, len);
    return TXTCTL_DONE;
}

static enum txtctl_status ask_registration(const struct options *options, struct account_file *file)
{
    struct error_detail detail = {""};
    struct api_client client = client_of(options, options->url);
    struct api_client_reply reply;
    json_t *body = registration_body(options);
    int result =
        api_client_call(&client, &(struct api_client_request){.path = "/register", .body = body}, &reply, &detail);
    json_decref(body);
    enum txtctl_status status = TXTCTL_FAILED;
    if (result != 0) {
        status = failed(&detail);
    } else if (reply.status / 100 != 2 || !json_is_object(reply.json)) {
        status = refused(&reply);
    } else {
        status = save_account(options, file, reply.json);
    }
    json_decref(reply.json);
    return status;
}

static enum txtctl_status run_register(const struct options *options)
{
    struct error_detail detail = {""};
    struct account_file *file;
    json_t *known = NULL;
    if (options->url == NULL) {
        (void)fputs("txtctl: give the API's --url\n", stderr);
        return TXTCTL_FAILED;
    }
    if (account_file_open(options->credentials, &file, &detail) != 0) {
        return failed(&detail);
    }
    enum txtctl_status status;
    if (options->domain != NULL && account_file_read(options->credentials, options->domain, &known, NULL) == 0) {
        (void)fprintf(stderr, "txtctl: %s has an account for %s already, %s\n", options->credentials, options->domain,
                      text_of(known, "fulldomain"));
        status = TXTCTL_FAILED;
    } else {
        status = ask_registration(options, file);
    }
    json_decref(known);
    account_file_close(file);
    return status;
}

/* --- update, show --- */

/* Sends a request in the account's name. Returns TXTCTL_DONE with an object in *json (the caller's). */
static enum txtctl_status ask(const struct options *options, const json_t *account, const char *path,
                              const json_t *body, json_t **json)
{
    struct error_detail detail = {""};
    struct api_client client = client_of(options, options->url == NULL ? text_of(account, "server_url") : options->url);
    struct api_client_reply reply;
    const struct api_client_request request = {
        .path = path, .username = text_of(account, "username"), .key = text_of(account, "password"), .body = body};
    *json = NULL;
    if (api_client_call(&client, &request, &reply, &detail) != 0) {
        return failed(&detail);
    }
    if (reply.status / 100 != 2 || !json_is_object(reply.json)) {
        enum txtctl_status status = refused(&reply);
        json_decref(reply.json);
        return status;
    }
    *json = reply.json;
    return TXTCTL_DONE;
}

static enum txtctl_status run_update(const struct options *options, const json_t *account)
{
    json_t *json, *body = json_pack("{s:s, s:s}", "subdomain", text_of(account, "subdomain"), "txt", options->value);
    if (body == NULL) {
        (void)fputs("txtctl: the value is no UTF-8\n", stderr);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = ask(options, account, "/update", body, &json);
    if (status == TXTCTL_DONE && options->json) {
        print_json(json);
    }
    json_decref(json);
    json_decref(body);
    return status;
}

static void print_delegate(const json_t *delegate)
{
    const json_t *values = json_object_get(delegate, "values"), *allowfrom = json_object_get(delegate, "allowfrom");
    size_t index;
    const json_t *item;
    (void)printf("%s%s\n", text_of(delegate, "fulldomain"),
                 json_is_true(json_object_get(delegate, "disabled")) ? " (disabled)" : "");
    json_array_foreach(values, index, item)
    {
        const char *expires = text_of(item, "expires_at");
        (void)printf("  value      %s  set %s%s%s\n", text_of(item, "value"), text_of(item, "set_at"),
                     *expires == '\0' ? "" : ", expires ", expires);
    }
    if (json_array_size(values) == 0) {
        (void)puts("  no value");
    }
    json_array_foreach(allowfrom, index, item)
    {
        (void)printf("  allowfrom  %s\n", json_string_value(item));
    }
    (void)printf("  created    %s\n", text_of(delegate, "created_at"));
}

static enum txtctl_status run_show(const struct options *options, const json_t *account)
{
    char path[128];
    json_t *json;
    if (snprintf(path, sizeof path, "/api/v1/delegates/%s", text_of(account, "subdomain")) >= (int)sizeof path) {
        (void)fprintf(stderr, "txtctl: %s: the account's subdomain is none\n", options->credentials);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = ask(options, account, path, NULL, &json);
    if (status == TXTCTL_DONE && options->json) {
        print_json(json);
    } else if (status == TXTCTL_DONE) {
        print_delegate(json);
    }
    json_decref(json);
    return status;
}

/* --- check --- */

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

static enum txtctl_status run_check(const struct options *options, const json_t *account)
{
    struct error_detail detail = {""};
    const char *url = options->url == NULL ? text_of(account, "server_url") : options->url;
    char *host = options->server == NULL ? host_of(url) : NULL;
    const char *server = options->server == NULL ? host : options->server;
    const char *name = text_of(account, "fulldomain");
    bool found;
    if (server == NULL) {
        (void)fputs("txtctl: give the DNS --server to ask\n", stderr);
        return TXTCTL_FAILED;
    }
    int result = dns_check(server, name, options->value, options->timeout_s, &found, &detail);
    enum txtctl_status status = result != 0 ? failed(&detail) : found ? TXTCTL_DONE : TXTCTL_REFUSED;
    if (result == 0 && !options->json) {
        (void)printf("%s %s at %s\n", server, found ? "answers the value" : "does not answer the value", name);
    } else if (result == 0) {
        (void)printf("{\"found\": %s}\n", found ? "true" : "false");
    }
    curl_free(host);
    return status;
}

/* --- Together --- */

enum txtctl_status commands_run(const struct options *options)
{
    struct error_detail detail = {""};
    json_t *account;
    if (options->command == TXTCTL_REGISTER) {
        return run_register(options);
    }
    if (account_file_read(options->credentials, options->domain, &account, &detail) != 0) {
        return failed(&detail);
    }
    enum txtctl_status status = TXTCTL_FAILED;
    switch (options->command) {
    case TXTCTL_REGISTER: break;
    case TXTCTL_UPDATE: status = run_update(options, account); break;
    case TXTCTL_SHOW: status = run_show(options, account); break;
    case TXTCTL_CHECK: status = run_check(options, account); break;
    }
    json_decref(account);
    return status;
}
