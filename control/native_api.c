#include "control/native_api.h"

#include <string.h>
#include <time.h>

#include "control/allowfrom.h"
#include "control/api_answer.h"
#include "control/api_login.h"
#include "control/service.h"

/* Times are RFC 3339, in UTC. `null` for never. */
static json_t *time_json(int64_t at_s)
{
    char text[sizeof "2026-01-02T03:04:05Z"];
    time_t at = (time_t)at_s;
    struct tm utc;
    if (at_s == 0 || gmtime_r(&at, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        return json_null();
    }
    return json_string(text);
}

static json_t *values_json(const struct delegate_state *delegate, int64_t now_s)
{
    json_t *list = json_array();
    bool expired = delegate->expires_at_s != 0 && delegate->expires_at_s <= now_s;
    for (unsigned i = 0; !expired && i < delegate->values_count; i++) {
        const struct delegate_value *value = &delegate->values[i];
        (void)json_array_append_new(list, json_pack("{s:s%, s:o, s:I, s:o}", "value", value->text, (size_t)value->len,
                                                    "set_at", time_json(value->set_at_s), "age_s",
                                                    (json_int_t)(now_s - value->set_at_s), "expires_at",
                                                    time_json(delegate->expires_at_s)));
    }
    return list;
}

static json_t *allowfrom_json(const struct store_account *account)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < account->allowfrom_count; i++) {
        char text[ALLOWFROM_TEXT_MAX];
        allowfrom_format(&account->allowfrom[i], text);
        (void)json_array_append_new(list, json_string(text));
    }
    return list;
}

static int64_t updated_at_s(const struct delegate_state *delegate)
{
    return delegate->values_count == 0 ? 0 : delegate->values[delegate->values_count - 1].set_at_s;
}

static json_t *delegate_json(const struct store_account *account, const struct delegate_state *delegate,
                             const char *zone)
{
    char id[DELEGATE_ID_TEXT_LEN + 1];
    int64_t now_s = (int64_t)time(NULL);
    delegate_id_format(&delegate->id, id);
    return json_pack("{s:s, s:s++, s:s, s:b, s:o, s:o, s:o, s:o}", "id", id, "fulldomain", id, ".", zone, "zone", zone,
                     "disabled", delegate->disabled, "values", values_json(delegate, now_s), "allowfrom",
                     allowfrom_json(account), "created_at", time_json(account->created_s), "updated_at",
                     time_json(updated_at_s(delegate)));
}

/* Another's delegate is answered as a wrong key is: nothing tells whether it exists. */
static int check_own(struct service *service, const struct service_login *login, const uint8_t client[16],
                     struct http_text id, unsigned *retry_after_s)
{
    struct delegate_id asked;
    if (delegate_id_parse(id.data, id.len, &asked) == 0 &&
        memcmp(&asked, &login->account.delegate, sizeof asked) == 0) {
        return 0;
    }
    return service_refused(service, client, retry_after_s);
}

static void get_delegate(struct service *service, const struct api_request *request, struct http_text id)
{
    struct service_login login;
    struct delegate_state delegate;
    unsigned retry_after_s = 0;
    uint8_t client[16];
    http_exchange_client(request->exchange, client);
    if (!api_login(service, request, &login)) {
        return;
    }
    int code = check_own(service, &login, client, id, &retry_after_s);
    if (code == 0) {
        code = service_read_delegate(service, &login, &delegate);
    }
    const struct service_zone *zone = code == 0 ? service_rules_zone(request->rules, login.account.zone) : NULL;
    if (code == 0 && zone == NULL) {
        code = TXTD_EUNSUPPORTED;
    }
    if (code != 0) {
        api_answer_code(request, code, retry_after_s);
        return;
    }
    api_answer_json(request, 200, delegate_json(&login.account, &delegate, zone->name));
}

void native_api_handle(struct service *service, struct api_path path, struct http_exchange *exchange)
{
    struct service_rules *rules = service_rules_hold(service);
    struct api_request request = {exchange, rules, "GET, OPTIONS"};
    if (!api_path_take(&path, "delegates") || api_path_left(&path) != 1) {
        api_answer_error(&request, 404, "not_found", NULL);
    } else if (!http_text_is(http_exchange_method(exchange), "GET")) {
        api_answer_method(&request);
    } else {
        get_delegate(service, &request, api_path_take_any(&path));
    }
    service_rules_release(rules);
}
