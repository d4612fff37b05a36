/* The rules: who may register and update, how often, and what is checked once more when a change is decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "control/allowfrom.h"
#include "control/service.h"
#include "tests/unit/control/fake_store.h"

enum { ZONE = 3, CALLS_MAX = 4 };

static const uint8_t home[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
static const uint8_t away[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 1};

struct account {
    struct delegate_id username, delegate;
    char name[DELEGATE_ID_TEXT_LEN + 1];
    char key[CREDENTIALS_KEY_LEN + 1];
};

static struct service_settings settings(void)
{
    static const struct service_zone zones[] = {{"auth.example.org", ZONE, 2, 0}, {"other.example", 4, 2, 0}};
    return (struct service_settings){.zones = zones,
                                     .zones_count = 2,
                                     .registration = CONFIG_REGISTRATION_OPEN,
                                     .server_url = "https://auth.example.org",
                                     .edits_max = 4,
                                     .calls_max = CALLS_MAX};
}

static int begin(void **state)
{
    const struct service_parts parts = {0};
    struct service_settings from = settings();
    memset(&fake_store, 0, sizeof fake_store);
    return service_new(&parts, &from, (struct service **)state, NULL);
}

static int end(void **state)
{
    service_free(*state);
    return 0;
}

static void count_done(void *context)
{
    ++*(unsigned *)context;
}

/* Submits, expects `done` at once, returns the result. */
static int run(struct service_call *call)
{
    unsigned done = 0;
    service_submit(call, count_done, &done);
    assert_int_equal(done, 1);
    return service_call_result(call);
}

static void make_account(struct service *service, const char *allowfrom, struct account *account)
{
    struct service_registration registration = {.allowfrom_count = 0};
    struct service_registered registered;
    struct service_call *call;
    unsigned retry_after_s;
    if (allowfrom != NULL) {
        assert_int_equal(allowfrom_parse(allowfrom, strlen(allowfrom), &registration.allowfrom[0]), 0);
        registration.allowfrom_count = 1;
    }
    assert_int_equal(service_prepare_registration(service, home, NULL, 0, &registration, &call, &retry_after_s), 0);
    assert_int_equal(run(call), 0);
    service_call_registered(call, &registered);
    assert_string_equal(registered.zone, "auth.example.org");
    assert_string_equal(registered.server_url, "https://auth.example.org");
    assert_int_equal(registered.allowfrom_count, registration.allowfrom_count);
    account->username = registered.username;
    account->delegate = registered.delegate;
    delegate_id_format(&registered.username, account->name);
    memcpy(account->key, registered.key, sizeof account->key);
    service_call_free(call);
}

static int login(struct service *service, const uint8_t client[16], const char *name, const char *key,
                 struct service_login *made)
{
    unsigned retry_after_s = 0;
    return service_login(service, client, name, strlen(name), key, strlen(key), made, &retry_after_s);
}

static int update(struct service *service, const struct service_login *made, const char *value)
{
    struct service_call *call;
    unsigned retry_after_s = 0;
    int result = service_prepare_update(service, home, made, value, strlen(value), &call, &retry_after_s);
    if (result != 0) {
        return result;
    }
    result = run(call);
    service_call_free(call);
    return result;
}

static void test_register_then_update(void **state)
{
    struct account account;
    struct service_login made;
    make_account(*state, NULL, &account);
    const struct delegate_state *delegate = fake_store_delegate(ZONE, &account.delegate);
    assert_non_null(delegate);
    assert_int_equal(delegate->values_count, 0);
    assert_memory_not_equal(&account.username, &account.delegate, sizeof account.username);

    assert_int_equal(login(*state, away, account.name, account.key, &made), 0);
    assert_int_equal(made.key_id, 1);
    assert_int_equal(update(*state, &made, "one"), 0);
    assert_int_equal(update(*state, &made, "two"), 0);
    assert_int_equal(update(*state, &made, "three"), 0);
    assert_int_equal(delegate->values_count, 2);
    assert_memory_equal(delegate->values[0].text, "two", 3);
    assert_memory_equal(delegate->values[1].text, "three", 5);

    struct delegate_state read;
    assert_int_equal(service_read_delegate(*state, &made, &read), 0);
    assert_int_equal(read.values_count, 2);

    struct service_counters counters;
    service_counters(*state, &counters);
    assert_int_equal(counters.registrations, 1);
    assert_int_equal(counters.updates, 3);
    assert_int_equal(counters.calls, 0);
}

/* The store keeps no key, only its hash. */
static void test_key_is_not_stored(void **state)
{
    struct account account;
    make_account(*state, NULL, &account);
    const char *octets = (const char *)fake_store.accounts;
    for (size_t i = 0; i + CREDENTIALS_KEY_LEN <= sizeof fake_store.accounts; i++) {
        assert_memory_not_equal(octets + i, account.key, CREDENTIALS_KEY_LEN);
    }
}

static void test_login_refused(void **state)
{
    struct account account, other;
    struct service_login made;
    make_account(*state, "192.0.2.0/24", &account);
    make_account(*state, NULL, &other);
    assert_int_equal(login(*state, home, account.name, account.key, &made), 0);
    assert_int_equal(login(*state, away, account.name, account.key, &made), TXTD_EFORBIDDEN);
    assert_int_equal(made.account.version, 0); /* nothing is handed out */
    assert_int_equal(login(*state, home, account.name, other.key, &made), TXTD_EFORBIDDEN);
    assert_int_equal(login(*state, home, other.name, account.key, &made), TXTD_EFORBIDDEN);
    assert_int_equal(login(*state, home, account.name, "", &made), TXTD_EFORBIDDEN);
    assert_int_equal(login(*state, home, "", account.key, &made), TXTD_EFORBIDDEN);
    assert_int_equal(login(*state, home, "someone", account.key, &made), TXTD_EFORBIDDEN);
    assert_int_equal(login(*state, home, "00000000-0000-0000-0000-000000000000", account.key, &made), TXTD_EFORBIDDEN);
    fake_store.read_result = TXTD_EIO;
    assert_int_equal(login(*state, home, account.name, account.key, &made), TXTD_EIO);
}

/* Between login and decision the world may change: the decision counts. */
static void test_decided_on_current_state(void **state)
{
    struct account account;
    struct service_login made;
    make_account(*state, NULL, &account);
    assert_int_equal(login(*state, home, account.name, account.key, &made), 0);
    struct store_account *stored = fake_store_account(&account.username);
    struct delegate_state *delegate = fake_store_delegate(ZONE, &account.delegate);
    const struct store_account stored_before = *stored;

    delegate->deleted = true;
    assert_int_equal(update(*state, &made, "value"), TXTD_EFORBIDDEN);
    delegate->deleted = false;
    delegate->disabled = true;
    assert_int_equal(update(*state, &made, "value"), TXTD_EFORBIDDEN);
    delegate->disabled = false;
    stored->keys[0].hash[0] ^= 1;
    assert_int_equal(update(*state, &made, "value"), TXTD_EFORBIDDEN);
    *stored = stored_before;
    stored->keys_count = 0;
    assert_int_equal(update(*state, &made, "value"), TXTD_EFORBIDDEN);
    *stored = stored_before;
    stored->delegate.octets[0] ^= 1;
    assert_int_equal(update(*state, &made, "value"), TXTD_EFORBIDDEN);
    *stored = stored_before;
    assert_int_equal(delegate->values_count, 0);
    assert_int_equal(update(*state, &made, "value"), 0);
}

static void test_store_trouble(void **state)
{
    struct account account;
    struct service_login made;
    struct service_counters counters;
    make_account(*state, NULL, &account);
    assert_int_equal(login(*state, home, account.name, account.key, &made), 0);
    fake_store.commit_result = TXTD_ENOSPC;
    assert_int_equal(update(*state, &made, "value"), TXTD_ENOSPC);
    fake_store.commit_result = 0;
    fake_store.submit_result = TXTD_EFULL;
    assert_int_equal(update(*state, &made, "value"), TXTD_EFULL);
    fake_store.submit_result = 0;
    service_counters(*state, &counters);
    assert_int_equal(counters.failed, 1);
    assert_int_equal(counters.busy, 1);
    assert_int_equal(counters.updates, 0);
    assert_int_equal(counters.calls, 0);
}

static void test_calls_are_bounded(void **state)
{
    const struct service_registration registration = {.allowfrom_count = 0};
    struct service_call *calls[CALLS_MAX], *more;
    unsigned retry_after_s, done = 0;
    fake_store.hold = true;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < CALLS_MAX; i++) {
            assert_int_equal(
                service_prepare_registration(*state, home, NULL, 0, &registration, &calls[i], &retry_after_s), 0);
            service_submit(calls[i], count_done, &done);
        }
        assert_int_equal(done, round * CALLS_MAX);
        assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &more, &retry_after_s),
                         TXTD_EFULL);
        fake_store_release();
        assert_int_equal(done, (round + 1) * CALLS_MAX);
        for (unsigned i = 0; i < CALLS_MAX; i++) {
            assert_int_equal(service_call_result(calls[i]), 0);
            service_call_free(calls[i]);
        }
    }
}

/* A server that is stopped leaves calls behind; they are freed with the service. */
static void test_calls_left_behind(void **state)
{
    const struct service_registration registration = {.allowfrom_count = 0};
    struct service_call *call;
    unsigned retry_after_s, done = 0;
    fake_store.hold = true;
    assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &call, &retry_after_s), 0);
    service_submit(call, count_done, &done);
    fake_store_release();
    assert_int_equal(done, 1);
}

static void test_who_may_register(void **state)
{
    static const char *const tokens[] = {"token-0123456789abcdef"};
    const struct service_registration registration = {.allowfrom_count = 0};
    struct service_settings from = settings();
    struct service_call *call;
    unsigned retry_after_s;
    from.registration = CONFIG_REGISTRATION_OFF;
    assert_int_equal(service_reload(*state, &from, NULL), 0);
    assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &call, &retry_after_s),
                     TXTD_ENOTFOUND);
    from.registration = CONFIG_REGISTRATION_TOKEN;
    from.registration_tokens = tokens;
    from.registration_tokens_count = 1;
    assert_int_equal(service_reload(*state, &from, NULL), 0);
    assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &call, &retry_after_s),
                     TXTD_EFORBIDDEN);
    assert_int_equal(service_prepare_registration(*state, home, "wrong", 5, &registration, &call, &retry_after_s),
                     TXTD_EFORBIDDEN);
    assert_int_equal(
        service_prepare_registration(*state, home, tokens[0], strlen(tokens[0]), &registration, &call, &retry_after_s),
        0);
    assert_int_equal(run(call), 0);
    service_call_free(call);
}

/* Those on their way count like those that are there. */
static void test_room(void **state)
{
    const struct service_registration registration = {.allowfrom_count = 0};
    struct service_settings from = settings();
    struct service_call *calls[3], *more;
    struct service_counters counters;
    unsigned retry_after_s = 0;
    from.delegates_max = 3;
    assert_int_equal(service_reload(*state, &from, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &calls[i], &retry_after_s),
                         0);
    }
    assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &more, &retry_after_s),
                     TXTD_EQUOTA);
    service_call_free(calls[0]); /* it was not made after all */
    fake_store.commit_result = TXTD_ENOSPC;
    assert_int_equal(run(calls[1]), TXTD_ENOSPC); /* nor was this */
    fake_store.commit_result = 0;
    assert_int_equal(run(calls[2]), 0);
    service_call_free(calls[1]);
    service_call_free(calls[2]);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &more, &retry_after_s), 0);
        assert_int_equal(run(more), 0);
        service_call_free(more);
    }
    assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &more, &retry_after_s),
                     TXTD_EQUOTA);
    assert_int_equal(fake_store.count, 3);
    service_counters(*state, &counters);
    assert_int_equal(counters.limits[SERVICE_LIMIT_DELEGATES], 2);
}

static void test_limits(void **state)
{
    const struct service_registration registration = {.allowfrom_count = 0};
    struct account account;
    struct service_login made;
    struct service_settings from = settings();
    struct service_call *call;
    unsigned retry_after_s = 0;
    make_account(*state, NULL, &account);
    assert_int_equal(login(*state, home, account.name, account.key, &made), 0);

    from.rates =
        (struct config_rates){.registrations_per_minute = 2, .updates_per_minute = 3, .failures_per_minute = 2};
    assert_int_equal(service_reload(*state, &from, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &call, &retry_after_s), 0);
        assert_int_equal(run(call), 0);
        service_call_free(call);
    }
    assert_int_equal(service_prepare_registration(*state, home, NULL, 0, &registration, &call, &retry_after_s),
                     TXTD_ELIMITED);
    assert_in_range(retry_after_s, 29, 31);
    assert_int_equal(service_prepare_registration(*state, away, NULL, 0, &registration, &call, &retry_after_s), 0);
    assert_int_equal(run(call), 0);
    service_call_free(call);

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(update(*state, &made, "value"), 0);
    }
    assert_int_equal(update(*state, &made, "value"), TXTD_ELIMITED);

    struct service_login refused;
    assert_int_equal(login(*state, home, account.name, "wrong", &refused), TXTD_EFORBIDDEN);
    assert_int_equal(service_refused(*state, home, &retry_after_s), TXTD_EFORBIDDEN);
    assert_int_equal(login(*state, home, account.name, "wrong", &refused), TXTD_ELIMITED);
    assert_int_equal(login(*state, home, account.name, account.key, &refused),
                     0); /* a right key is taken all the same */
    assert_int_equal(login(*state, away, account.name, "wrong", &refused), TXTD_EFORBIDDEN);
}

static void test_total_limit(void **state)
{
    const struct service_registration registration = {.allowfrom_count = 0};
    struct service_settings from = settings();
    struct service_call *call;
    uint8_t client[16] = {0x20, 1, 0xd, 0xb8};
    unsigned retry_after_s = 0, taken = 0;
    from.rates = (struct config_rates){.registrations_per_second_total = 5};
    assert_int_equal(service_reload(*state, &from, NULL), 0);
    for (unsigned i = 0; i < 20; i++) {
        client[7] = (uint8_t)i; /* each from a network of its own */
        if (service_prepare_registration(*state, client, NULL, 0, &registration, &call, &retry_after_s) == 0) {
            taken++;
            assert_int_equal(run(call), 0);
            service_call_free(call);
        }
    }
    assert_in_range(taken, 5, 10);
    assert_int_equal(retry_after_s, 1);
}

static void test_zone_no_longer_served(void **state)
{
    static const struct service_zone other[] = {{"other.example", 4, 2, 0}};
    struct account account;
    struct service_login made;
    struct service_settings from = settings();
    make_account(*state, NULL, &account);
    assert_int_equal(login(*state, home, account.name, account.key, &made), 0);
    from.zones = other;
    from.zones_count = 1;
    assert_int_equal(service_reload(*state, &from, NULL), 0);
    assert_int_equal(update(*state, &made, "value"), TXTD_EUNSUPPORTED);
    from.zones_count = 0;
    assert_int_equal(service_reload(*state, &from, NULL), TXTD_EINVAL); /* and the old ones stay */
    assert_int_equal(update(*state, &made, "value"), TXTD_EUNSUPPORTED);
}

static void test_bad_values(void **state)
{
    struct account account;
    struct service_login made;
    char value[DELEGATE_VALUE_LEN_MAX + 2];
    make_account(*state, NULL, &account);
    assert_int_equal(login(*state, home, account.name, account.key, &made), 0);
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    assert_int_equal(update(*state, &made, value), TXTD_EINVAL);
    assert_int_equal(update(*state, &made, ""), TXTD_EINVAL);
    value[DELEGATE_VALUE_LEN_MAX] = '\0';
    assert_int_equal(update(*state, &made, value), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

/* The operator finds whose a delegate is; an account that was imported under a name of its own is not taken for another's. */
static void test_account_of_a_delegate(void **unused)
{
    (void)unused;
    static const uint8_t secret[STORE_SECRET_LEN] = {7}, other[STORE_SECRET_LEN] = {8};
    const uint8_t *const secrets[] = {secret, other, NULL};
    struct delegate_state delegate = {.zone = ZONE};
    struct store_account found;
    struct account account, imported;
    memset(&fake_store, 0, sizeof fake_store);
    for (unsigned i = 0; i < 3; i++) {
        const struct service_parts parts = {.secret = secrets[i]};
        struct service_settings from = settings();
        struct service *service = NULL;
        assert_int_equal(service_new(&parts, &from, &service, NULL), 0);
        if (i == 0) {
            make_account(service, NULL, &account);
            make_account(service, NULL, &imported);
            fake_store.accounts[1].username.octets[0] ^= 1; /* as if it had come with it */
        }
        delegate.id = account.delegate;
        assert_int_equal(service_find_account(service, &delegate, &found), i == 0 ? 0 : TXTD_ENOTFOUND);
        if (i == 0) {
            assert_memory_equal(&found.username, &account.username, sizeof found.username);
            fake_store.accounts[0].delegate = imported.delegate;
            assert_int_equal(service_find_account(service, &delegate, &found), TXTD_ENOTFOUND); /* not its account */
            fake_store.accounts[0].delegate = account.delegate;
        }
        delegate.id = imported.delegate;
        assert_int_equal(service_find_account(service, &delegate, &found), TXTD_ENOTFOUND);
        service_free(service);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_register_then_update),
        TEST(test_key_is_not_stored),
        TEST(test_login_refused),
        TEST(test_decided_on_current_state),
        TEST(test_store_trouble),
        TEST(test_calls_are_bounded),
        TEST(test_calls_left_behind),
        TEST(test_who_may_register),
        TEST(test_room),
        TEST(test_limits),
        TEST(test_total_limit),
        TEST(test_zone_no_longer_served),
        TEST(test_bad_values),
        cmocka_unit_test(test_account_of_a_delegate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
