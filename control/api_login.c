#include "control/api_login.h"

#include "control/api_credentials.h"
#include "control/key_upgrade.h"

static void wake(void *context)
{
    http_exchange_wake(context);
}

/* The key was compared with the imported hash. */
static void upgrade_done(void *context, struct http_exchange *exchange)
{
    struct key_upgrade *upgrade = context;
    struct service *service = key_upgrade_maker(upgrade);
    int code = key_upgrade_result(upgrade);
    key_upgrade_free(upgrade);
    if (code == 0) {
        http_exchange_again(exchange); /* now the login succeeds as everybody's does */
        return;
    }
    struct service_rules *rules = service_rules_hold(service);
    const struct api_request request = {exchange, rules, "", false};
    unsigned retry_after_s = 0;
    if (code == TXTD_EFORBIDDEN) {
        uint8_t client[16];
        http_exchange_client(exchange, client);
        code = service_refused(service, client, &retry_after_s);
    }
    api_answer_code(&request, code, retry_after_s);
    service_rules_release(rules);
}

bool api_login(struct service *service, const struct api_request *request, struct service_login *login)
{
    struct api_credentials credentials;
    struct key_upgrade *upgrade = NULL;
    unsigned retry_after_s = 0;
    uint8_t client[16];
    http_exchange_client(request->exchange, client);
    api_credentials_read(request->exchange, &credentials);
    const struct http_text *username = &credentials.username, *key = &credentials.key;
    int code =
        service_login(service, client, username->data, username->len, key->data, key->len, login, &retry_after_s);
    if (code == TXTD_EUNDECIDED) {
        code = service_prepare_upgrade(service, client, username->data, username->len, key->data, key->len, &upgrade,
                                       &retry_after_s);
    }
    api_credentials_wipe(&credentials);
    if (upgrade != NULL) {
        http_exchange_keep(request->exchange, upgrade_done, upgrade);
        key_upgrade_submit(upgrade, wake, request->exchange);
        return false;
    }
    if (code != 0) {
        api_answer_code(request, code, retry_after_s);
    }
    return code == 0;
}
