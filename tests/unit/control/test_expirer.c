/* Which delegates are deleted for nobody uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "control/expirer.h"
#include "control/service.h"
#include "tests/unit/control/fake_store.h"

enum { ZONE = 3, DAY_S = 86400 };

static const uint8_t home[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};

static const struct service_zone zones[] = {{"auth.example.org", ZONE, 2, 0}};

static struct service *new_service(int64_t unused_s, int64_t idle_s)
{
    const struct service_settings settings = {.zones = zones,
                                              .zones_count = 1,
                                              .registration = CONFIG_REGISTRATION_OPEN,
                                              .expire_unused_s = unused_s,
                                              .expire_idle_s = idle_s,
                                              .server_url = "https://auth.example.org",
                                              .edits_max = 4,
                                              .calls_max = 4};
    const struct service_parts parts = {0};
    struct service *service;
    memset(&fake_store, 0, sizeof fake_store);
    assert_int_equal(service_new(&parts, &settings, &service, NULL), 0);
    return service;
}

static void nothing(void *context)
{
    (void)context;
}

/* A delegate that is new at FAKE_STORE_NOW_S; returns its place in the store. */
static unsigned add(struct service *service)
{
    const struct service_registration registration = {.zone = ZONE};
    struct service_call *call;
    unsigned retry_after_s;
    assert_int_equal(service_prepare_registration(service, home, NULL, 0, &registration, &call, &retry_after_s), 0);
    service_submit(call, nothing, NULL);
    assert_int_equal(service_call_result(call), 0);
    service_call_free(call);
    return fake_store.count - 1;
}

static uint64_t pass(struct service *service, int64_t after_days)
{
    struct expirer_pass pass = {.now_s = FAKE_STORE_NOW_S + after_days * DAY_S, .expired_max = EXPIRER_PASS_MAX};
    assert_int_equal(expirer_pass(service, &pass, NULL), 0);
    assert_false(pass.more);
    return pass.expired;
}

/* As an update does. */
static void set_value(unsigned place, int64_t day)
{
    struct delegate_state *delegate = &fake_store.delegates[place];
    delegate->values_count = 1;
    delegate->values[0] = (struct delegate_value){.set_at_s = FAKE_STORE_NOW_S + day * DAY_S, .len = 1};
    delegate->version++;
}

static void test_unused(void **unused)
{
    (void)unused;
    struct service *service = new_service(90 * DAY_S, 0);
    unsigned never = add(service), updated = add(service), asked = add(service), disabled = add(service),
             imported = add(service), changed = add(service);
    set_value(updated, 1);
    fake_store.usage[asked] = (struct store_usage){FAKE_STORE_NOW_S, 1};
    fake_store.delegates[disabled].disabled = true;
    fake_store.accounts[imported].keys[0].scheme = STORE_KEY_BCRYPT;
    fake_store.accounts[changed].version++; /* a note, say */
    assert_int_equal(pass(service, 89), 0);
    assert_int_equal(pass(service, 90), 1);
    assert_true(fake_store.delegates[never].deleted);
    assert_true(fake_store.accounts[never].deleted);
    assert_int_equal(fake_store.accounts[never].keys_count, 0);
    assert_int_equal(pass(service, 10000), 0); /* no other was never used, and idle ones may stay */
    service_free(service);
}

static void test_idle(void **unused)
{
    (void)unused;
    struct service *service = new_service(0, 400 * DAY_S);
    unsigned never = add(service), updated = add(service), asked = add(service);
    set_value(updated, 10);
    fake_store.usage[asked] = (struct store_usage){FAKE_STORE_NOW_S + 20 * DAY_S, 1};
    assert_int_equal(pass(service, 399), 0);
    assert_int_equal(pass(service, 400), 1);
    assert_true(fake_store.delegates[never].deleted);
    assert_int_equal(pass(service, 409), 0);
    assert_int_equal(pass(service, 410), 1);
    assert_true(fake_store.delegates[updated].deleted);
    assert_int_equal(fake_store.delegates[updated].values_count, 0);
    assert_int_equal(pass(service, 419), 0);
    assert_int_equal(pass(service, 420), 1);
    assert_true(fake_store.delegates[asked].deleted);
    service_free(service);
}

static void test_off_and_trouble(void **unused)
{
    (void)unused;
    struct service *service = new_service(0, 0);
    add(service);
    assert_int_equal(pass(service, 10000), 0);
    service_free(service);

    service = new_service(DAY_S, 0);
    add(service);
    assert_int_equal(pass(service, -10000), 0); /* the clock was set back */
    bool stopping = true;
    struct expirer_pass tried = {.now_s = FAKE_STORE_NOW_S + 2 * DAY_S, .expired_max = EXPIRER_PASS_MAX};
    assert_int_equal(expirer_pass(service, &tried, &stopping), 0);
    assert_int_equal(tried.expired, 0);
    fake_store.commit_result = TXTD_ENOSPC;
    assert_int_equal(pass(service, 2), 0);
    fake_store.commit_result = 0;
    fake_store.read_result = TXTD_EIO;
    assert_int_equal(expirer_pass(service, &tried, NULL), TXTD_EIO);
    assert_false(tried.more);
    fake_store.read_result = 0;
    assert_int_equal(pass(service, 2), 1);
    service_free(service);
}

/* A pass stops at its bound, and the next one goes on behind it; none is left out, none is looked at twice. */
static void test_bound_of_a_pass(void **unused)
{
    (void)unused;
    struct service *service = new_service(90 * DAY_S, 0);
    struct expirer_pass pass = {.now_s = FAKE_STORE_NOW_S + 90 * DAY_S, .expired_max = 2};
    for (unsigned i = 0; i < 5; i++) {
        add(service);
    }
    static const struct {
        uint64_t expired;
        bool more;
    } rows[] = {{2, true}, {2, true}, {1, false}, {0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(expirer_pass(service, &pass, NULL), 0);
        assert_int_equal(pass.expired, rows[i].expired);
        assert_int_equal(pass.more, rows[i].more);
    }
    service_free(service);
}

static struct service *reloaded_service;
static unsigned pages;

/* At the second page: nothing expires any more. */
static void turn_off(void)
{
    if (++pages == 2) {
        const struct service_settings settings = {
            .zones = zones, .zones_count = 1, .server_url = "https://auth.example.org", .edits_max = 4, .calls_max = 4};
        assert_int_equal(service_reload(reloaded_service, &settings, NULL), 0);
    }
}

/* A reload counts at once, not only when a pass of hours is over. */
static void test_reload_within_a_pass(void **unused)
{
    (void)unused;
    struct service *service = new_service(90 * DAY_S, 0);
    for (unsigned i = 0; i < 2 * SERVICE_PAGE_MAX + 10; i++) {
        add(service);
    }
    reloaded_service = service;
    pages = 0;
    fake_store.on_page = turn_off;
    assert_int_equal(pass(service, 90), 2 * SERVICE_PAGE_MAX); /* the page that was begun is the last */
    assert_int_equal(pages, 2);
    service_free(service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_off_and_trouble),
        cmocka_unit_test(test_bound_of_a_pass),
        cmocka_unit_test(test_reload_within_a_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
