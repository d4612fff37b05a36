/* What goes because it was never used, and above all what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "control/expiry.h"
#include "control/service.h"
#include "tests/unit/control/fake_store.h"

enum { ZONE = 3, PERIOD_S = 1000 };

static const uint8_t home[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};

static int begin(void **state)
{
    static const struct service_zone zones[] = {{"auth.example.org", ZONE, 2, 0}};
    const struct service_settings settings = {.zones = zones,
                                              .zones_count = 1,
                                              .registration = CONFIG_REGISTRATION_OPEN,
                                              .server_url = "https://auth.example.org",
                                              .calls_max = 4};
    const struct service_parts parts = {0};
    memset(&fake_store, 0, sizeof fake_store);
    return service_new(&parts, &settings, (struct service **)state, NULL);
}

static int end(void **state)
{
    service_free(*state);
    return 0;
}

static void ignore_done(void *context)
{
    (void)context;
}

static void add_delegates(struct service *service, unsigned count)
{
    const struct service_registration registration = {.allowfrom_count = 0};
    for (unsigned i = 0; i < count; i++) {
        struct service_call *call;
        unsigned retry_after_s;
        assert_int_equal(service_prepare_registration(service, home, NULL, 0, &registration, &call, &retry_after_s), 0);
        service_submit(call, ignore_done, NULL);
        assert_int_equal(service_call_result(call), 0);
        service_call_free(call);
    }
}

static struct service_page *read_page(struct service *service)
{
    struct service_page *page = calloc(1, sizeof *page);
    assert_non_null(page);
    assert_int_equal(service_read_page(service, NULL, SERVICE_PAGE_MAX, page), 0);
    return page;
}

/* Each row changes one thing of what would be due. */
static void test_is_due(void **state)
{
    const struct store_account account = {.version = 1,
                                          .created_s = 5000,
                                          .keys_count = 2,
                                          .keys = {{.scheme = STORE_KEY_SHA256}, {.scheme = STORE_KEY_SHA256}}};
    const struct delegate_state delegate = {.version = 1};
    (void)state;
    assert_true(expiry_is_due(&account, &delegate, PERIOD_S, 6000));
    assert_false(expiry_is_due(&account, &delegate, PERIOD_S, 5999));
    assert_false(expiry_is_due(&account, &delegate, PERIOD_S, 0)); /* a clock before the registration */
    assert_false(expiry_is_due(&account, &delegate, 0, INT64_MAX));

    struct store_account other = account;
    other.version = 2;
    assert_false(expiry_is_due(&other, &delegate, PERIOD_S, 6000));
    other = account;
    other.deleted = true;
    assert_false(expiry_is_due(&other, &delegate, PERIOD_S, 6000));
    other = account;
    other.created_s = 0; /* not known */
    assert_false(expiry_is_due(&other, &delegate, PERIOD_S, 6000));
    other = account;
    other.keys[1].scheme = STORE_KEY_BCRYPT; /* imported */
    assert_false(expiry_is_due(&other, &delegate, PERIOD_S, 6000));

    struct delegate_state used = delegate;
    used.version = 2;
    assert_false(expiry_is_due(&account, &used, PERIOD_S, 6000));
    used = delegate;
    used.values_count = 1;
    assert_false(expiry_is_due(&account, &used, PERIOD_S, 6000));
    used = delegate;
    used.persistent_count = 1;
    assert_false(expiry_is_due(&account, &used, PERIOD_S, 6000));
    used = delegate;
    used.disabled = true;
    assert_false(expiry_is_due(&account, &used, PERIOD_S, 6000));
    used = delegate;
    used.deleted = true;
    assert_false(expiry_is_due(&account, &used, PERIOD_S, 6000));
}

static void test_clock(void **state)
{
    (void)state;
    assert_true(expiry_clock_holds(0, 0));
    assert_true(expiry_clock_holds(86400 + 3600, 86400));
    assert_false(expiry_clock_holds(86400 + 3601, 86400));
    assert_true(expiry_clock_holds(86400 - 3600, 86400));
    assert_false(expiry_clock_holds(86400 - 3601, 86400));
}

static void test_page(void **state)
{
    add_delegates(*state, 5);
    fake_store.delegates[1].version = 2;
    fake_store.accounts[3].version = 2;
    int64_t due_s = fake_store.accounts[0].created_s + PERIOD_S;
    struct service_page *page = read_page(*state);
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, due_s - 1), 0);
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, due_s), 3);
    for (unsigned i = 0; i < 5; i++) {
        bool stays = i == 1 || i == 3;
        assert_int_equal(fake_store.delegates[i].deleted, !stays);
        assert_int_equal(fake_store.accounts[i].deleted, !stays);
    }
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, due_s), 0); /* an old page: nothing goes twice */
    free(page);
}

/* What is used between the look and the deletion stays. */
static void test_used_meanwhile(void **state)
{
    add_delegates(*state, 2);
    struct service_page *page = read_page(*state);
    fake_store.delegates[0].version = 2;
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, fake_store.accounts[0].created_s + PERIOD_S), 1);
    assert_false(fake_store.delegates[0].deleted);
    assert_true(fake_store.delegates[1].deleted);
    free(page);
}

static void test_store_trouble(void **state)
{
    add_delegates(*state, 2);
    struct service_page *page = read_page(*state);
    int64_t due_s = fake_store.accounts[0].created_s + PERIOD_S;
    fake_store.submit_result = TXTD_EFULL;
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, due_s), TXTD_EFULL);
    fake_store.submit_result = 0;
    fake_store.commit_result = TXTD_ENOSPC;
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, due_s), TXTD_ENOSPC);
    fake_store.commit_result = 0;
    assert_false(fake_store.delegates[0].deleted || fake_store.delegates[1].deleted);
    assert_int_equal(expiry_sweep_page(*state, page, PERIOD_S, due_s), 2);
    free(page);
}

/* The thread ends at once, whatever it waits for. */
static void test_stop(void **state)
{
    struct expiry *expiry;
    assert_int_equal(expiry_start(*state, NULL, 0, 0, &expiry), 0);
    expiry_stop(expiry);
    assert_int_equal(expiry_start(*state, NULL, PERIOD_S, 0, &expiry), 0);
    expiry_change(expiry, 2 * PERIOD_S);
    expiry_stop(expiry);
    expiry_stop(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_due), cmocka_unit_test(test_clock), TEST(test_page),
        TEST(test_used_meanwhile),     TEST(test_store_trouble),     TEST(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
