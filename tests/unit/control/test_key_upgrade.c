/* Imported keys: a right one is upgraded once, a wrong one changes nothing, and what waits is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdlib.h>

#include "control/credentials.h"
#include "control/key_upgrade.h"
#include "tests/unit/control/fake_store.h"

enum { QUEUE_MAX = 3, KEY_ID = 7, CREATED_S = 1600000000 };

static const char right[] = "0123456789ABCDEFGHIJabcdefghij_-0123456-";
static const char wrong[] = "0123456789ABCDEFGHIJabcdefghij_-0123456_";
/* of `right`, by a cost of 4 */
static const char hash[] = "$2a$04$abcdefghijklmnopqrstuu6DcgBm0MsgQhhX7D4xjV4Aj0/EPEbMa";

static const struct delegate_id username = {{1, 2, 3}};

static int begin(void **state)
{
    const struct key_upgrade_settings settings = {.threads = 1, .queue_max = QUEUE_MAX};
    const struct key_upgrade_parts parts = {0};
    memset(&fake_store, 0, sizeof fake_store);
    fake_store.count = 1;
    struct store_account *account = &fake_store.accounts[0];
    account->username = username;
    account->delegate = (struct delegate_id){{9}};
    account->version = 1;
    account->keys_count = 1;
    account->keys[0] = (struct store_key){
        .scheme = STORE_KEY_BCRYPT, .hash_len = sizeof hash - 1, .key_id = KEY_ID, .created_s = CREATED_S};
    memcpy(account->keys[0].hash, hash, sizeof hash - 1);
    fake_store.delegates[0] = (struct delegate_state){.id = account->delegate, .version = 1};
    return key_upgrades_start(&parts, &settings, (struct key_upgrades **)state);
}

static int end(void **state)
{
    key_upgrades_stop(*state);
    key_upgrades_free(*state);
    return 0;
}

static void post(void *context)
{
    assert_int_equal(sem_post(context), 0);
}

/* Prepares, submits, waits. */
static int upgrade(struct key_upgrades *upgrades, const struct delegate_id *whose, const char *key)
{
    struct key_upgrade *made;
    sem_t done;
    int prepared = key_upgrade_prepare(upgrades, whose, key, &fake_store, &made);
    if (prepared != 0) {
        return prepared;
    }
    assert_int_equal(sem_init(&done, 0, 0), 0);
    key_upgrade_submit(made, post, &done);
    assert_int_equal(sem_wait(&done), 0);
    int result = key_upgrade_result(made);
    assert_ptr_equal(key_upgrade_maker(made), &fake_store);
    key_upgrade_free(made);
    (void)sem_destroy(&done);
    return result;
}

static void test_right_key(void **state)
{
    struct store_account *account = &fake_store.accounts[0];
    struct key_upgrade_counters counters;
    uint8_t own[CREDENTIALS_HASH_LEN];
    uint32_t key_id = 0;
    assert_true(key_upgrade_may_match(account, right, sizeof right - 1));
    assert_int_equal(upgrade(*state, &username, right), 0);
    assert_int_equal(account->keys_count, 1);
    assert_int_equal(account->keys[0].scheme, STORE_KEY_SHA256);
    assert_int_equal(account->keys[0].created_s, CREATED_S);
    assert_int_equal(account->version, 2);
    assert_int_equal(credentials_hash(right, sizeof right - 1, own), 0);
    assert_true(credentials_match(account, own, &key_id));
    assert_int_equal(key_id, KEY_ID);
    assert_false(key_upgrade_may_match(account, right, sizeof right - 1));
    /* Whoever waited behind it with the same key is let in, and nothing is written again. */
    assert_int_equal(upgrade(*state, &username, right), 0);
    assert_int_equal(account->version, 2);
    assert_int_equal(upgrade(*state, &username, wrong), TXTD_EFORBIDDEN);
    key_upgrades_counters(*state, &counters);
    assert_int_equal(counters.upgraded, 2);
    assert_int_equal(counters.wrong, 1);
    assert_int_equal(counters.waiting, 0);
}

static void test_wrong_key(void **state)
{
    const struct delegate_id nobody = {{5}};
    assert_int_equal(upgrade(*state, &username, wrong), TXTD_EFORBIDDEN);
    assert_int_equal(upgrade(*state, &nobody, right), TXTD_EFORBIDDEN);
    assert_int_equal(fake_store.accounts[0].version, 1);
    assert_int_equal(fake_store.accounts[0].keys[0].scheme, STORE_KEY_BCRYPT);
}

static void test_form_of_keys(void **state)
{
    const struct store_account *account = &fake_store.accounts[0];
    char odd[sizeof right];
    (void)state;
    assert_false(key_upgrade_may_match(account, right, sizeof right - 2));
    memcpy(odd, right, sizeof odd);
    odd[3] = '+';
    assert_false(key_upgrade_may_match(account, odd, sizeof odd - 1));
    fake_store.accounts[0].keys_count = 0;
    assert_false(key_upgrade_may_match(account, right, sizeof right - 1));
}

/* What the store cannot keep now is not done, and can be tried again. */
static void test_store_failures(void **state)
{
    fake_store.commit_result = TXTD_ENOSPC;
    assert_int_equal(upgrade(*state, &username, right), TXTD_ENOSPC);
    fake_store.commit_result = 0;
    fake_store.submit_result = TXTD_EFULL;
    assert_int_equal(upgrade(*state, &username, right), TXTD_EFULL);
    fake_store.submit_result = 0;
    fake_store.read_result = TXTD_EIO;
    assert_int_equal(upgrade(*state, &username, right), TXTD_EIO);
    fake_store.read_result = 0;
    assert_int_equal(fake_store.accounts[0].keys[0].scheme, STORE_KEY_BCRYPT);
    assert_int_equal(upgrade(*state, &username, right), 0);
}

static void test_bound(void **state)
{
    struct key_upgrade *made[QUEUE_MAX], *more;
    struct key_upgrade_counters counters;
    for (unsigned i = 0; i < QUEUE_MAX; i++) {
        assert_int_equal(key_upgrade_prepare(*state, &username, right, NULL, &made[i]), 0);
    }
    assert_int_equal(key_upgrade_prepare(*state, &username, right, NULL, &more), TXTD_EFULL);
    key_upgrades_counters(*state, &counters);
    assert_int_equal(counters.busy, 1);
    assert_int_equal(counters.waiting, QUEUE_MAX);
    key_upgrade_free(made[0]);
    assert_int_equal(key_upgrade_prepare(*state, &username, right, NULL, &made[0]), 0);
    for (unsigned i = 0; i < QUEUE_MAX; i++) {
        key_upgrade_free(made[i]);
    }
}

static void test_stop(void **state)
{
    key_upgrades_stop(*state);
    assert_int_equal(upgrade(*state, &username, right), TXTD_ECLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_right_key, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_key, begin, end),
        cmocka_unit_test_setup_teardown(test_form_of_keys, begin, end),
        cmocka_unit_test_setup_teardown(test_store_failures, begin, end),
        cmocka_unit_test_setup_teardown(test_bound, begin, end),
        cmocka_unit_test_setup_teardown(test_stop, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
