/* An account with an imported key, as its client sees it: the first request waits for bcrypt off the loop, later ones do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "control/api_login.h"
#include "control/key_upgrade.h"
#include "tests/unit/control/fake_http.h"
#include "tests/unit/control/fake_store.h"

enum { QUEUE_MAX = 2, WAIT_S = 60 };

static const char right[] = "0123456789ABCDEFGHIJabcdefghij_-0123456-";
static const char wrong[] = "0123456789ABCDEFGHIJabcdefghij_-0123456_";
/* of `right`, by a cost of 4 */
static const char hash[] = "$2a$04$abcdefghijklmnopqrstuu6DcgBm0MsgQhhX7D4xjV4Aj0/EPEbMa";
static const struct service_zone zones[] = {{"auth.example.org", 3, 2, 0}};

struct scene {
    struct service *service;
    struct key_upgrades *upgrades;
    struct service_settings settings;
    struct http_exchange exchange;
    char username[DELEGATE_ID_TEXT_LEN + 1];
    unsigned handled, logins;
};

/* The handler under test: one that needs an account. */
static void handle(void *context, struct http_exchange *exchange)
{
    struct scene *scene = context;
    struct service_rules *rules = service_rules_hold(scene->service);
    const struct api_request request = {exchange, rules, "GET", false};
    struct service_login login;
    scene->handled++;
    if (api_login(scene->service, &request, &login)) {
        scene->logins++;
        api_answer_text(&request, 200, "{}", 2);
    }
    service_rules_release(rules);
}

static int begin(void **state)
{
    static struct scene scene;
    const struct key_upgrade_settings upgrade_settings = {.threads = 1, .queue_max = QUEUE_MAX};
    const struct key_upgrade_parts upgrade_parts = {0};
    memset(&scene, 0, sizeof scene);
    memset(&fake_store, 0, sizeof fake_store);
    fake_store.count = 1;
    struct store_account *account = &fake_store.accounts[0];
    account->username = (struct delegate_id){{1, 2, 3}};
    account->version = 1;
    account->keys_count = 1;
    account->keys[0] = (struct store_key){.scheme = STORE_KEY_BCRYPT, .hash_len = sizeof hash - 1, .key_id = 1};
    memcpy(account->keys[0].hash, hash, sizeof hash - 1);
    fake_store.delegates[0].version = 1;
    delegate_id_format(&account->username, scene.username);
    scene.settings = (struct service_settings){
        .zones = zones, .zones_count = 1, .server_url = "https://auth.example.org", .edits_max = 4, .calls_max = 4};
    *state = &scene;
    if (key_upgrades_start(&upgrade_parts, &upgrade_settings, &scene.upgrades) != 0) {
        return -1;
    }
    const struct service_parts parts = {.key_upgrades = scene.upgrades};
    return service_new(&parts, &scene.settings, &scene.service, NULL);
}

static int end(void **state)
{
    struct scene *scene = *state;
    key_upgrades_stop(scene->upgrades);
    service_free(scene->service);
    key_upgrades_free(scene->upgrades);
    return 0;
}

/* Sends a request; returns its status once it is answered. */
static int ask(struct scene *scene, const char *key)
{
    struct http_exchange *exchange = &scene->exchange;
    const struct timespec pause = {.tv_nsec = 1000000};
    time_t deadline = time(NULL) + WAIT_S;
    memset(exchange, 0, sizeof *exchange);
    exchange->method = "GET";
    exchange->path = "/";
    exchange->client[10] = exchange->client[11] = 0xff;
    exchange->headers[0] = (struct http_header){"x-api-user", scene->username};
    exchange->headers[1] = (struct http_header){"x-api-key", key};
    exchange->headers_count = 2;
    exchange->handler = handle;
    exchange->handler_context = scene;
    handle(scene, exchange);
    while (exchange->status == 0 && time(NULL) < deadline) {
        fake_http_loop(exchange);
        (void)nanosleep(&pause, NULL);
    }
    return exchange->status;
}

static void test_first_use(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene, right), 200);
    assert_int_equal(scene->handled, 2); /* the second time with the key upgraded */
    assert_int_equal(scene->logins, 1);
    assert_int_equal(fake_store.accounts[0].keys[0].scheme, STORE_KEY_SHA256);
    assert_int_equal(ask(scene, right), 200);
    assert_int_equal(scene->handled, 3);
    assert_int_equal(ask(scene, wrong), 401);
    assert_int_equal(scene->handled, 4); /* bcrypt is over */
}

static void test_wrong_keys(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene, wrong), 401);
    assert_string_equal(scene->exchange.answer, "{\"error\":\"forbidden\"}");
    assert_int_equal(scene->handled, 1);
    assert_int_equal(ask(scene, "not of acme-dns"), 401);
    scene->settings.rates.failures_per_minute = 1;
    assert_int_equal(service_reload(scene->service, &scene->settings, NULL), 0);
    assert_int_equal(ask(scene, wrong), 401);
    assert_int_equal(ask(scene, right), 429); /* not even looked at: it would cost bcrypt */
    struct key_upgrade_counters counters;
    key_upgrades_counters(scene->upgrades, &counters);
    assert_int_equal(counters.wrong, 2);
    assert_int_equal(counters.upgraded, 0);
}

static void test_limit_of_an_account(void **state)
{
    struct scene *scene = *state;
    scene->settings.rates.bcrypt_per_minute = 2;
    assert_int_equal(service_reload(scene->service, &scene->settings, NULL), 0);
    assert_int_equal(ask(scene, wrong), 401);
    assert_int_equal(ask(scene, wrong), 401);
    assert_int_equal(ask(scene, wrong), 429);
    assert_non_null(strstr(scene->exchange.answer_headers, "retry-after: "));
}

static void test_queue_is_full(void **state)
{
    struct scene *scene = *state;
    struct key_upgrade *made[QUEUE_MAX];
    for (unsigned i = 0; i < QUEUE_MAX; i++) {
        assert_int_equal(key_upgrade_prepare(scene->upgrades, &fake_store.accounts[0].username, right, NULL, &made[i]),
                         0);
    }
    assert_int_equal(ask(scene, right), 503);
    assert_non_null(strstr(scene->exchange.answer_headers, "retry-after: "));
    for (unsigned i = 0; i < QUEUE_MAX; i++) {
        key_upgrade_free(made[i]);
    }
    assert_int_equal(ask(scene, right), 200);
}

static void test_store_takes_nothing(void **state)
{
    struct scene *scene = *state;
    fake_store.commit_result = TXTD_ENOSPC;
    assert_int_equal(ask(scene, right), 503);
    fake_store.commit_result = 0;
    assert_int_equal(ask(scene, right), 200);
}

/* Prefixes come first: a stranger's address causes no bcrypt. */
static void test_allowfrom(void **state)
{
    struct scene *scene = *state;
    fake_store.accounts[0].allowfrom_count = 1;
    fake_store.accounts[0].allowfrom[0] = (struct store_cidr){.address = {0x20, 0x01}, .len = 16};
    assert_int_equal(ask(scene, right), 401);
    assert_int_equal(fake_store.accounts[0].keys[0].scheme, STORE_KEY_BCRYPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_use, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_keys, begin, end),
        cmocka_unit_test_setup_teardown(test_limit_of_an_account, begin, end),
        cmocka_unit_test_setup_teardown(test_queue_is_full, begin, end),
        cmocka_unit_test_setup_teardown(test_store_takes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_allowfrom, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
