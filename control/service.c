#include "control/service.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/allowfrom.h"
#include "control/key_upgrade.h"
#include "control/service_internal.h"
#include "storage/committer.h"

static int no_memory(struct error_detail *detail, int code)
{
    return error_describe(detail, code, "the service cannot be started: %s", txtd_error_text(code));
}

static int make_limits(struct service *service)
{
    int result = rate_limit_new(SERVICE_CLIENTS_REMEMBERED, &service->registrations);
    if (result == 0) {
        result = rate_limit_new(SERVICE_CLIENTS_REMEMBERED, &service->registrations_networks);
    }
    if (result == 0) {
        result = rate_limit_new(1, &service->registrations_total);
    }
    if (result == 0) {
        result = rate_limit_new(SERVICE_ACCOUNTS_REMEMBERED, &service->updates);
    }
    if (result == 0) {
        result = rate_limit_new(SERVICE_CLIENTS_REMEMBERED, &service->failures);
    }
    if (result == 0) {
        result = rate_limit_new(SERVICE_CLIENTS_REMEMBERED, &service->upgrades);
    }
    return result;
}

int service_new(const struct service_parts *parts, const struct service_settings *settings, struct service **service,
                struct error_detail *detail)
{
    struct service *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return no_memory(detail, TXTD_ENOMEM);
    }
    made->parts = *parts;
    pthread_mutex_init(&made->rules_lock, NULL);
    pthread_mutex_init(&made->calls_lock, NULL);
    /* Jansson seeds its hash of object keys once per process; here, before threads parse what clients send. */
    json_object_seed(0);
    int result = service_rules_new(settings, &made->rules, detail);
    if (result == 0) {
        result = make_limits(made);
        if (result == 0) {
            result = service_calls_new(made, settings->calls_max);
        }
        if (result != 0) {
            (void)no_memory(detail, result);
        }
    }
    if (result != 0) {
        service_free(made);
        return result;
    }
    *service = made;
    return 0;
}

void service_free(struct service *service)
{
    if (service == NULL) {
        return;
    }
    service_calls_free(service);
    service_rules_release(service->rules);
    rate_limit_free(service->registrations);
    rate_limit_free(service->registrations_networks);
    rate_limit_free(service->registrations_total);
    rate_limit_free(service->updates);
    rate_limit_free(service->failures);
    rate_limit_free(service->upgrades);
    pthread_mutex_destroy(&service->rules_lock);
    pthread_mutex_destroy(&service->calls_lock);
    free(service);
}

int service_reload(struct service *service, const struct service_settings *settings, struct error_detail *detail)
{
    struct service_rules *rules;
    int result = service_rules_new(settings, &rules, detail);
    if (result != 0) {
        return result;
    }
    pthread_mutex_lock(&service->rules_lock);
    struct service_rules *old = service->rules;
    service->rules = rules;
    pthread_mutex_unlock(&service->rules_lock);
    service_rules_release(old);
    return 0;
}

struct service_rules *service_rules_hold(struct service *service)
{
    pthread_mutex_lock(&service->rules_lock);
    struct service_rules *rules = service->rules;
    service_rules_retain(rules);
    pthread_mutex_unlock(&service->rules_lock);
    return rules;
}

void service_counters(const struct service *service, struct service_counters *counters)
{
    const uint64_t *from = (const uint64_t *)&service->counters;
    uint64_t *to = (uint64_t *)counters;
    for (size_t i = 0; i < sizeof *counters / sizeof *to; i++) {
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

void service_bounds(struct service *service, struct service_bounds *bounds)
{
    struct service_rules *rules = service_rules_hold(service);
    *bounds = (struct service_bounds){
        .delegates_max = rules->delegates_max, .edits_max = rules->edits_max, .calls_max = service->calls_max};
    service_rules_release(rules);
}

uint64_t service_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int service_count_refusal(struct service *service, int code)
{
    switch (code) {
    case 0: break;
    case TXTD_EFORBIDDEN: service_count(service, forbidden); break;
    case TXTD_ENOTFOUND:
    case TXTD_EUNSUPPORTED: service_count(service, not_found); break;
    case TXTD_ELIMITED: service_count(service, limited); break;
    case TXTD_EQUOTA: service_count(service, full); break;
    case TXTD_ECONFLICT:
    case TXTD_EEXISTS: service_count(service, conflict); break;
    case TXTD_EINVAL: service_count(service, invalid); break;
    case TXTD_EFULL: service_count(service, busy); break;
    default: service_count(service, failed); break;
    }
    return code;
}

void service_count_invalid(struct service *service)
{
    service_count(service, invalid);
}

/* A refused login counts against the client. Those who fail too often learn no more than that; a right key is taken
 * all the same, for behind one address there may be many customers, and one of them a misconfigured loop. */
static int refuse(struct service *service, const uint8_t client[16], unsigned *retry_after_s)
{
    struct service_rules *rules = service_rules_hold(service);
    struct rate rate = {rules->rates.failures_per_minute, SECONDS_PER_MINUTE};
    service_rules_release(rules);
    uint8_t key[RATE_LIMIT_KEY_LEN];
    rate_limit_client_key(client, key);
    int result = service_take(service, SERVICE_LIMIT_FAILURES, service->failures, rate, key, retry_after_s);
    return service_count_refusal(service, result == 0 ? TXTD_EFORBIDDEN : result);
}

int service_refused(struct service *service, const uint8_t client[16], unsigned *retry_after_s)
{
    return refuse(service, client, retry_after_s);
}

int service_login(struct service *service, const uint8_t client[16], const char *username, size_t username_len,
                  const char *key, size_t key_len, struct service_login *login, unsigned *retry_after_s)
{
    struct delegate_id id;
    bool known = delegate_id_parse(username, username_len, &id) == 0;
    memset(login, 0, sizeof *login);
    if (!known) {
        /* Ask for somebody all the same, so that a malformed name takes as long as an unknown one. */
        memset(&id, 0, sizeof id);
    }
    int found = store_read_account(service->parts.store, &id, &login->account);
    if (found != 0 && found != TXTD_ENOTFOUND) {
        return service_count_refusal(service, found);
    }
    if (found == TXTD_ENOTFOUND || !known) {
        /* An account without keys: all that follows is done, and nothing matches. */
        memset(&login->account, 0, sizeof login->account);
        known = false;
    }
    int hashed = credentials_hash(key, key_len, login->key_hash);
    if (hashed != 0) {
        return service_count_refusal(service, hashed);
    }
    bool matches = credentials_match(&login->account, login->key_hash, &login->key_id);
    bool allowed = allowfrom_match(login->account.allowfrom, login->account.allowfrom_count, client);
    if (!known || !matches || !allowed) {
        bool undecided =
            allowed && service->parts.key_upgrades != NULL && key_upgrade_may_match(&login->account, key, key_len);
        memset(login, 0, sizeof *login);
        return undecided ? TXTD_EUNDECIDED : refuse(service, client, retry_after_s);
    }
    return 0;
}

/* bcrypt costs us more than the one who asks for it: who has failed too often is not heard, and neither is who tries one
 * account from many addresses. */
static int limit_upgrade(struct service *service, const uint8_t client[16], const struct delegate_id *username,
                         unsigned *retry_after_s)
{
    struct service_rules *rules = service_rules_hold(service);
    struct rate failures = {rules->rates.failures_per_minute, SECONDS_PER_MINUTE};
    struct rate upgrades = {rules->rates.bcrypt_per_minute, SECONDS_PER_MINUTE};
    service_rules_release(rules);
    uint8_t key[RATE_LIMIT_KEY_LEN];
    rate_limit_client_key(client, key);
    int result = rate_limit_look(service->failures, failures, key, service_now_us(), retry_after_s);
    if (result != 0) {
        service_count(service, limits[SERVICE_LIMIT_FAILURES]);
        return result;
    }
    return service_take(service, SERVICE_LIMIT_BCRYPT, service->upgrades, upgrades, username->octets, retry_after_s);
}

int service_prepare_upgrade(struct service *service, const uint8_t client[16], const char *username,
                            size_t username_len, const char *key, size_t key_len, struct key_upgrade **upgrade,
                            unsigned *retry_after_s)
{
    struct delegate_id id;
    if (service->parts.key_upgrades == NULL || key_len != KEY_UPGRADE_KEY_LEN ||
        delegate_id_parse(username, username_len, &id) != 0) {
        return service_count_refusal(service, TXTD_EFORBIDDEN);
    }
    int result = limit_upgrade(service, client, &id, retry_after_s);
    if (result == 0) {
        result = key_upgrade_prepare(service->parts.key_upgrades, &id, key, service, upgrade);
    }
    return service_count_refusal(service, result);
}

int service_read_delegate(struct service *service, const struct service_login *login, struct delegate_state *delegate)
{
    int result = store_read_delegate(service->parts.store, login->account.zone, &login->account.delegate, delegate);
    if (result == 0 && delegate->deleted) {
        return TXTD_ENOTFOUND;
    }
    return result;
}

int service_read_history(struct service *service, const struct delegate_state *delegate,
                         struct store_event events[STORE_HISTORY_MAX], unsigned *count, struct store_usage *usage)
{
    int result = store_read_history(service->parts.store, delegate->zone, &delegate->id, events, count, usage);
    unsigned newer = 0;
    while (newer < *count && events[newer].version > delegate->version) {
        newer++;
    }
    *count -= newer;
    memmove(events, events + newer, *count * sizeof events[0]);
    return result;
}

int service_operator_login(struct service *service, const uint8_t client[16], const char *token, size_t len,
                           char token_id[CREDENTIALS_TOKEN_ID_LEN + 1], unsigned *retry_after_s)
{
    struct service_rules *rules = service_rules_hold(service);
    bool valid = service_rules_operator_valid(rules, token, len, token_id);
    service_rules_release(rules);
    return valid ? 0 : refuse(service, client, retry_after_s);
}

int service_find_delegate(struct service *service, const struct service_rules *rules, const struct delegate_id *id,
                          struct delegate_state *delegate)
{
    for (unsigned i = 0; i < rules->zones_count; i++) {
        int result = store_read_delegate(service->parts.store, rules->zones[i].number, id, delegate);
        if (result == 0 && delegate->deleted) {
            return TXTD_ENOTFOUND;
        }
        if (result != TXTD_ENOTFOUND) {
            return result;
        }
    }
    return TXTD_ENOTFOUND;
}

int service_find_account(struct service *service, const struct delegate_state *delegate, struct store_account *account)
{
    struct delegate_id username;
    int result = service->parts.secret == NULL
                     ? TXTD_ENOTFOUND
                     : credentials_make_username(service->parts.secret, &delegate->id, &username);
    if (result == 0) {
        result = store_read_account(service->parts.store, &username, account);
    }
    bool is_its = result == 0 && account->zone == delegate->zone &&
                  memcmp(&account->delegate, &delegate->id, sizeof delegate->id) == 0;
    return result == 0 && !is_its ? TXTD_ENOTFOUND : result;
}

int service_read_page(struct service *service, const struct delegate_id *after, unsigned limit,
                      struct service_page *page)
{
    struct store_lookup lookups[SERVICE_PAGE_MAX];
    limit = limit < SERVICE_PAGE_MAX ? limit : SERVICE_PAGE_MAX;
    int result = store_read_accounts(service->parts.store, after, limit, page->accounts, &page->count);
    page->more = page->count == limit;
    for (unsigned i = 0; i < page->count; i++) {
        page->delegates[i].id = page->accounts[i].delegate;
        page->delegates[i].zone = page->accounts[i].zone;
        lookups[i] = (struct store_lookup){.delegate = &page->delegates[i]};
    }
    if (result == 0) {
        store_read_many(service->parts.store, lookups, page->count);
    }
    for (unsigned i = 0; result == 0 && i < page->count; i++) {
        if (lookups[i].delegate_result == TXTD_ENOTFOUND) {
            page->delegates[i].deleted = true;
        } else {
            result = lookups[i].delegate_result;
        }
    }
    return result;
}

void service_stats(const struct service *service, struct service_stats *stats)
{
    struct committer_stats committer;
    committer_stats(service->parts.committer, &committer);
    service_counters(service, &stats->counters);
    stats->delegates = store_delegates_estimate(service->parts.store);
    stats->revision = store_revision(service->parts.store);
    stats->queue_depth = committer.queue_depth;
    stats->commits = committer.commits;
    stats->writable = store_writable(service->parts.store);
}
