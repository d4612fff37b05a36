#include "control/service_rules.h"

#include <stdlib.h>
#include <string.h>

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, CREDENTIALS_HASH_LEN);
}

static int copy_strings(const char *const strings[], unsigned count, char ***copies, unsigned *copies_count)
{
    *copies = calloc(count == 0 ? 1 : count, sizeof **copies);
    if (*copies == NULL) {
        return TXTD_ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        (*copies)[i] = strdup(strings[i]);
        if ((*copies)[i] == NULL) {
            return TXTD_ENOMEM;
        }
        *copies_count = i + 1;
    }
    return 0;
}

static int copy_zones(const struct service_settings *settings, struct service_rules *rules)
{
    rules->zones = calloc(settings->zones_count, sizeof *rules->zones);
    if (rules->zones == NULL) {
        return TXTD_ENOMEM;
    }
    for (unsigned i = 0; i < settings->zones_count; i++) {
        rules->zones[i] = settings->zones[i];
        rules->zones[i].name = strdup(settings->zones[i].name);
        if (rules->zones[i].name == NULL) {
            return TXTD_ENOMEM;
        }
        rules->zones_count = i + 1;
    }
    return 0;
}

static int hash_tokens(const char *const texts[], unsigned count, struct service_tokens *tokens)
{
    tokens->hashes = calloc(count == 0 ? 1 : count, sizeof *tokens->hashes);
    if (tokens->hashes == NULL) {
        return TXTD_ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        int result = credentials_hash(texts[i], strlen(texts[i]), tokens->hashes[i]);
        if (result != 0) {
            return result;
        }
    }
    qsort(tokens->hashes, count, sizeof *tokens->hashes, compare_hashes);
    tokens->count = count;
    return 0;
}

static bool has_token(const struct service_tokens *tokens, const char *token, size_t len,
                      char id[CREDENTIALS_TOKEN_ID_LEN + 1])
{
    uint8_t hash[CREDENTIALS_HASH_LEN];
    bool has = token != NULL && credentials_hash(token, len, hash) == 0 &&
               bsearch(hash, tokens->hashes, tokens->count, sizeof *tokens->hashes, compare_hashes) != NULL;
    if (has && id != NULL) {
        credentials_token_id(hash, id);
    }
    return has;
}

static int check_settings(const struct service_settings *settings, struct error_detail *detail)
{
    if (settings->zones_count == 0) {
        return error_describe(detail, TXTD_EINVAL, "no zone to register delegates in; configure one below zones");
    }
    for (unsigned i = 0; i < settings->zones_count; i++) {
        const struct service_zone *zone = &settings->zones[i];
        if (zone->slots < 2 || zone->slots > DELEGATE_VALUES_MAX || zone->value_expiry_s < 0) {
            return error_describe(detail, TXTD_EINVAL, "zone %s: slots must be 2 to %d", zone->name,
                                  DELEGATE_VALUES_MAX);
        }
    }
    return 0;
}

static int fill(const struct service_settings *settings, struct service_rules *rules)
{
    rules->references = 1;
    rules->registration = settings->registration;
    rules->rates = settings->rates;
    rules->delegates_max = settings->delegates_max;
    rules->edits_max = settings->edits_max;
    rules->expire_unused_s = settings->expire_unused_s;
    rules->expire_idle_s = settings->expire_idle_s;
    rules->server_url = strdup(settings->server_url);
    int result = rules->server_url == NULL ? TXTD_ENOMEM : copy_zones(settings, rules);
    if (result == 0) {
        result = hash_tokens(settings->registration_tokens, settings->registration_tokens_count,
                             &rules->registration_tokens);
    }
    if (result == 0) {
        result = hash_tokens(settings->operator_tokens, settings->operator_tokens_count, &rules->operator_tokens);
    }
    if (result == 0) {
        result = copy_strings(settings->cors_origins, settings->cors_origins_count, &rules->cors_origins,
                              &rules->cors_origins_count);
    }
    return result;
}

int service_rules_new(const struct service_settings *settings, struct service_rules **rules,
                      struct error_detail *detail)
{
    int result = check_settings(settings, detail);
    if (result != 0) {
        return result;
    }
    struct service_rules *made = calloc(1, sizeof *made);
    result = made == NULL ? TXTD_ENOMEM : fill(settings, made);
    if (result != 0) {
        service_rules_release(made);
        return error_describe(detail, result, "%s", txtd_error_text(result));
    }
    *rules = made;
    return 0;
}

void service_rules_retain(struct service_rules *rules)
{
    __atomic_add_fetch(&rules->references, 1, __ATOMIC_RELAXED);
}

void service_rules_release(struct service_rules *rules)
{
    /* Acquire and release: whoever frees must see the end of every other user's reading. */
    if (rules == NULL || __atomic_sub_fetch(&rules->references, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    for (unsigned i = 0; i < rules->zones_count; i++) {
        free((char *)rules->zones[i].name);
    }
    for (unsigned i = 0; i < rules->cors_origins_count; i++) {
        free(rules->cors_origins[i]);
    }
    free(rules->zones);
    free(rules->cors_origins);
    free(rules->registration_tokens.hashes);
    free(rules->operator_tokens.hashes);
    free(rules->server_url);
    free(rules);
}

const struct service_zone *service_rules_zone(const struct service_rules *rules, uint16_t number)
{
    for (unsigned i = 0; i < rules->zones_count; i++) {
        if (rules->zones[i].number == number) {
            return &rules->zones[i];
        }
    }
    return NULL;
}

bool service_rules_token_valid(const struct service_rules *rules, const char *token, size_t len,
                               char id[CREDENTIALS_TOKEN_ID_LEN + 1])
{
    return has_token(&rules->registration_tokens, token, len, id);
}

bool service_rules_operator_valid(const struct service_rules *rules, const char *token, size_t len,
                                  char id[CREDENTIALS_TOKEN_ID_LEN + 1])
{
    return has_token(&rules->operator_tokens, token, len, id);
}
