#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

#include <stdio.h>
#include <string.h>

#include "control/txtctl/account_call.h"
#include "control/txtctl/api_call.h"
#include "control/txtctl/operator_token.h"

#define PATH_TEXT_MAX 2048
#define ID_LEN        36 /* of a UUID's text */

/* --- Requests --- */

enum txtctl_status delegate_call(const struct options *options, const json_t *account, const char *method,
                                 const char *tail, const json_t *body, json_t **json)
{
    char path[PATH_TEXT_MAX];
    const char *id = output_member(account, "subdomain");
    *json = NULL;
    if (strlen(id) != ID_LEN || snprintf(path, sizeof path, "/api/v1/delegates/%s%s", id, tail) >= (int)sizeof path) {
        (void)fprintf(stderr, "txtctl: %s: the account's subdomain is none, or the request is too long\n",
                      options->text[OPTION_CREDENTIALS]);
        return TXTCTL_FAILED;
    }
    return account_call(options, account, method, path, body, json);
}

enum txtctl_status delegate_call_operator(const struct options *options, const char *method, const char *path,
                                          const json_t *body, json_t **json)
{
    char token[OPERATOR_TOKEN_MAX + 1], whole[PATH_TEXT_MAX];
    struct error_detail detail = {""};
    *json = NULL;
    if (options->text[OPTION_URL] == NULL) {
        (void)fputs("txtctl: give the API's --url\n", stderr);
        return TXTCTL_FAILED;
    }
    if (operator_token_read(options->text[OPTION_TOKEN_FILE], token, &detail) != 0) {
        return output_failed(&detail);
    }
    enum txtctl_status status = TXTCTL_FAILED;
    if (snprintf(whole, sizeof whole, "/api/v1%s", path) >= (int)sizeof whole) {
        (void)fputs("txtctl: the request is too long\n", stderr);
    } else {
        status =
            api_call(options, options->text[OPTION_URL],
                     &(struct api_client_request){.path = whole, .token = token, .method = method, .body = body}, json);
    }
    explicit_bzero(token, sizeof token);
    return status;
}

bool delegate_call_names_one(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF-") >= ID_LEN && (text[ID_LEN] == '\0' || text[ID_LEN] == '.');
}

enum txtctl_status delegate_call_operator_at(const struct options *options, const char *method, const char *id,
                                             const char *tail, const json_t *body, json_t **json)
{
    char path[PATH_TEXT_MAX];
    *json = NULL;
    if (!delegate_call_names_one(id)) {
        (void)fprintf(stderr, "txtctl: %s is no delegate's UUID or name\n", id);
        return TXTCTL_FAILED;
    }
    if (snprintf(path, sizeof path, "/delegates/%.*s%s", ID_LEN, id, tail) >= (int)sizeof path) {
        (void)fputs("txtctl: the request is too long\n", stderr);
        return TXTCTL_FAILED;
    }
    return delegate_call_operator(options, method, path, body, json);
}

/* --- What commands have in common --- */

enum txtctl_status delegate_call_simply(const struct options *options, const char *method, const char *tail,
                                        const json_t *body)
{
    json_t *account, *json;
    enum txtctl_status status = account_call_account(options, &account);
    if (status != TXTCTL_DONE) {
        return status;
    }
    status = delegate_call(options, account, method, tail, body, &json);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    }
    json_decref(json);
    json_decref(account);
    return status;
}

json_t *delegate_call_list_body(const struct options *options, size_t first, const char *name)
{
    json_t *list = json_array();
    for (size_t i = first; i < options->arguments_count; i++) {
        if (json_array_append_new(list, json_string(options->arguments[i])) != 0) {
            (void)fprintf(stderr, "txtctl: argument %zu is no UTF-8\n", i + 1);
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", name, list);
}

enum txtctl_status delegate_call_list(const struct options *options, const char *method, const char *tail,
                                      const char *name)
{
    json_t *body = delegate_call_list_body(options, 0, name);
    enum txtctl_status status = body == NULL ? TXTCTL_FAILED : delegate_call_simply(options, method, tail, body);
    json_decref(body);
    return status;
}

enum txtctl_status delegate_call_look(const struct options *options, const char *tail, json_t **json)
{
    json_t *account;
    *json = NULL;
    if (options->arguments_count > 0) {
        return delegate_call_operator_at(options, "GET", options->arguments[0], tail, NULL, json);
    }
    enum txtctl_status status = account_call_account(options, &account);
    if (status == TXTCTL_DONE) {
        status = delegate_call(options, account, "GET", tail, NULL, json);
        json_decref(account);
    }
    return status;
}

/* --- Text --- */

int delegate_call_encode(const char *before, const char *text, char *into, size_t capacity)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t len = strlen(before);
    if (len >= capacity) {
        return TXTD_EFULL;
    }
    memcpy(into, before, len);
    for (; *text != '\0'; text++) {
        if (capacity - len < sizeof "%00") {
            return TXTD_EFULL;
        }
        if (strchr(unreserved, *text) != NULL) {
            into[len++] = *text;
        } else {
            unsigned char octet = (unsigned char)*text;
            into[len++] = '%';
            into[len++] = digits[octet >> 4];
            into[len++] = digits[octet & 15];
        }
    }
    into[len] = '\0';
    return 0;
}
