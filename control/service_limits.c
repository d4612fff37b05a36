/* Whether a registration may be made: tokens, rates, room. */
#include "control/service_internal.h"

int service_take(struct service *service, enum service_limit limit, struct rate_limit *of, struct rate rate,
                 const uint8_t key[RATE_LIMIT_KEY_LEN], unsigned *retry_after_s)
{
    int result = rate_limit_take(of, rate, key, service_now_us(), retry_after_s);
    if (result != 0) {
        service_count(service, limits[limit]);
    }
    return result;
}

int service_may_register(const struct service_rules *rules, const char *token, size_t token_len,
                         char token_id[CREDENTIALS_TOKEN_ID_LEN + 1])
{
    switch (rules->registration) {
    case CONFIG_REGISTRATION_OPEN: return 0;
    case CONFIG_REGISTRATION_OFF: return TXTD_ENOTFOUND;
    case CONFIG_REGISTRATION_TOKEN: break;
    }
    return service_rules_token_valid(rules, token, token_len, token_id) ? 0 : TXTD_EFORBIDDEN;
}

/* The client's own limit first: one who is refused by it must not use up what belongs to its network, and a network not what
 * belongs to all. */
int service_limit_registration(struct service *service, const struct service_rules *rules, const uint8_t client[16],
                               unsigned *retry_after_s)
{
    static const uint8_t everybody[RATE_LIMIT_KEY_LEN];
    const struct rate each = {rules->rates.registrations_per_minute, SECONDS_PER_MINUTE};
    const struct rate total = {rules->rates.registrations_per_second_total, 1};
    struct rate_limit_network networks[RATE_LIMIT_NETWORKS_MAX];
    uint8_t key[RATE_LIMIT_KEY_LEN];
    rate_limit_client_key(client, key);
    int result =
        service_take(service, SERVICE_LIMIT_REGISTRATIONS_CLIENT, service->registrations, each, key, retry_after_s);
    unsigned count = rate_limit_networks(client, networks);
    for (unsigned i = 0; result == 0 && i < count; i++) {
        const struct rate wider = {rate_limit_multiple(each.amount, networks[i].multiple), SECONDS_PER_MINUTE};
        result = service_take(service, SERVICE_LIMIT_REGISTRATIONS_NETWORK, service->registrations_networks, wider,
                              networks[i].key, retry_after_s);
    }
    return result != 0 ? result
                       : service_take(service, SERVICE_LIMIT_REGISTRATIONS_TOTAL, service->registrations_total, total,
                                      everybody, retry_after_s);
}

/* Every delegate takes memory for good, also one that nobody uses for 90 days: their number has a bound, too. */
int service_take_room(struct service *service, const struct service_rules *rules)
{
    uint64_t under_way = __atomic_fetch_add(&service->registering, 1, __ATOMIC_RELAXED);
    if (rules->delegates_max == 0 ||
        store_delegates_estimate(service->parts.store) + under_way < rules->delegates_max) {
        return 0;
    }
    service_give_room_back(service);
    service_count(service, limits[SERVICE_LIMIT_DELEGATES]);
    return TXTD_EQUOTA;
}

void service_give_room_back(struct service *service)
{
    (void)__atomic_sub_fetch(&service->registering, 1, __ATOMIC_RELAXED);
}
