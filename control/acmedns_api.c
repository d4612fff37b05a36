#include "control/acmedns_api.h"

#include <stdio.h>
#include <string.h>

#include "control/acmedns_json.h"
#include "control/allowfrom.h"
#include "control/api_answer.h"
#include "control/api_credentials.h"
#include "control/api_login.h"
#include "control/health_api.h"
#include "control/service.h"

#define METHODS_CHANGE "POST, OPTIONS"

static void wake(void *context)
{
    http_exchange_wake(context);
}

/* --- POST /register --- */

static json_t *registered_json(const struct service_registered *registered)
{
    char username[DELEGATE_ID_TEXT_LEN + 1], subdomain[DELEGATE_ID_TEXT_LEN + 1];
    delegate_id_format(&registered->username, username);
    delegate_id_format(&registered->delegate, subdomain);
    json_t *allowfrom = json_array();
    for (unsigned i = 0; i < registered->allowfrom_count; i++) {
        char text[ALLOWFROM_TEXT_MAX];
        allowfrom_format(&registered->allowfrom[i], text);
        if (json_array_append_new(allowfrom, json_string(text)) != 0) {
            json_decref(allowfrom);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s++, s:s, s:o, s:s}", "username", username, "password", registered->key,
                     "fulldomain", subdomain, ".", registered->zone, "subdomain", subdomain, "allowfrom", allowfrom,
                     "server_url", registered->server_url);
}

static void registration_done(void *context, struct http_exchange *exchange)
{
    struct service_call *call = context;
    struct api_request request = {exchange, service_call_rules(call), METHODS_CHANGE, false};
    int code = service_call_result(call);
    if (code == 0) {
        struct service_registered registered;
        service_call_registered(call, &registered);
        api_answer_json(&request, 201, registered_json(&registered));
    } else {
        api_answer_code(&request, code, 0);
    }
    service_call_free(call);
}

static void handle_register(struct service *service, const struct api_request *request, struct http_text token)
{
    struct service_registration registration;
    struct service_call *call;
    struct api_credentials basic;
    const char *error;
    unsigned retry_after_s = 0;
    uint8_t client[16];
    struct http_text body = http_exchange_body(request->exchange);
    if (acmedns_json_register(body.data, body.len, &registration, &error) != 0) {
        api_answer_invalid(request, service, error, NULL);
        return;
    }
    http_exchange_client(request->exchange, client);
    token = api_credentials_registration_token(request->exchange, request->rules, token, &basic);
    int code =
        service_prepare_registration(service, client, token.data, token.len, &registration, &call, &retry_after_s);
    api_credentials_wipe(&basic);
    if (code != 0) {
        api_answer_code(request, code, retry_after_s);
        return;
    }
    http_exchange_keep(request->exchange, registration_done, call);
    service_submit(call, wake, request->exchange);
}

/* --- POST /update --- */

static void update_done(void *context, struct http_exchange *exchange)
{
    struct service_call *call = context;
    struct api_request request = {exchange, service_call_rules(call), METHODS_CHANGE, false};
    int code = service_call_result(call);
    if (code == 0) {
        /* 43 characters of base64url: nothing to escape. acme.sh looks for the quoted value. */
        char body[ACMEDNS_VALUE_LEN + 16];
        int len = snprintf(body, sizeof body, "{\"txt\":\"%s\"}", service_call_value(call));
        api_answer_text(&request, 200, body, (size_t)len);
    } else {
        api_answer_code(&request, code, 0);
    }
    service_call_free(call);
}

static bool names_own_delegate(const struct service_rules *rules, const struct service_login *login,
                               const struct acmedns_update *update)
{
    const struct service_zone *zone = service_rules_zone(rules, login->account.zone);
    return acmedns_subdomain_names(update->subdomain, update->subdomain_len, &login->account.delegate,
                                   zone == NULL ? "" : zone->name);
}

static void handle_update(struct service *service, const struct api_request *request)
{
    struct service_login account;
    struct acmedns_update update;
    struct service_call *call;
    unsigned retry_after_s = 0;
    uint8_t client[16];
    http_exchange_client(request->exchange, client);

    /* Strangers learn nothing of the rest: credentials first, as in acme-dns. */
    if (!api_login(service, request, &account)) {
        return;
    }
    struct http_text body = http_exchange_body(request->exchange);
    if (acmedns_json_update(body.data, body.len, &update) != 0) {
        api_answer_invalid(request, service, ACMEDNS_ERROR_JSON, NULL);
        return;
    }
    if (!names_own_delegate(request->rules, &account, &update)) {
        int refused = service_refused(service, client, &retry_after_s);
        api_answer_code(request, refused, retry_after_s);
        return;
    }
    if (!update.value_valid) {
        api_answer_invalid(request, service, ACMEDNS_ERROR_TXT, NULL);
        return;
    }
    int code =
        service_prepare_update(service, client, &account, update.value, ACMEDNS_VALUE_LEN, &call, &retry_after_s);
    if (code != 0) {
        api_answer_code(request, code, retry_after_s);
        return;
    }
    http_exchange_keep(request->exchange, update_done, call);
    service_submit(call, wake, request->exchange);
}

/* --- Together --- */

void acmedns_api_handle(struct service *service, const struct health *health, struct api_path path,
                        struct http_text token, struct http_exchange *exchange)
{
    struct service_rules *rules = service_rules_hold(service);
    struct api_request request = {exchange, rules, METHODS_CHANGE, false};
    bool is_post = http_text_is(http_exchange_method(exchange), "POST");

    struct api_path compat = path;
    if (api_path_take(&compat, "api") && api_path_take(&compat, "v1") && api_path_take(&compat, "acme-dns-compat")) {
        path = compat;
    }
    /* The token may stand behind that as well: clients join their base URL's path and what follows as they like. */
    if (token.data == NULL && api_path_take(&path, "t")) {
        token = api_path_take_any(&path);
    }

    if (api_path_ends(&path, "register")) {
        if (is_post) {
            handle_register(service, &request, token);
        } else {
            api_answer_method(&request);
        }
    } else if (api_path_ends(&path, "update")) {
        if (is_post) {
            handle_update(service, &request);
        } else {
            api_answer_method(&request);
        }
    } else if (api_path_ends(&path, "health")) {
        health_api_handle(health, HEALTH_API_WHOLE, &request);
    } else {
        api_answer_error(&request, 404, "not_found", NULL);
    }
    service_rules_release(rules);
}
