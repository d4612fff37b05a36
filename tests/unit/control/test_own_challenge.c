/* The values of txtd's own challenge: published, cleared, bounded, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "control/config.h"
#include "control/own_challenge.h"
#include "tests/unit/control/fake_store.h"

#define ZONE 7

static const struct delegate_state *reserved(uint16_t zone)
{
    struct delegate_id id;
    assert_int_equal(delegate_id_parse(CONFIG_RESERVED_DELEGATE, DELEGATE_ID_TEXT_LEN, &id), 0);
    return fake_store_delegate(zone, &id);
}

static void test_values(void **state)
{
    (void)state;
    struct own_challenge *challenge;
    assert_int_equal(own_challenge_new(NULL, ZONE, &challenge), 0);

    assert_int_equal(own_challenge_clear(challenge, NULL, 0), 0); /* there is nothing, nor is anything made */
    assert_null(reserved(ZONE));
    assert_int_equal(own_challenge_publish(challenge, "", 0), TXTD_EINVAL);
    char longest[DELEGATE_VALUE_LEN_MAX + 1];
    memset(longest, 'v', sizeof longest);
    assert_int_equal(own_challenge_publish(challenge, longest, sizeof longest), TXTD_EINVAL);

    assert_int_equal(own_challenge_publish(challenge, "one", 3), 0);
    assert_int_equal(own_challenge_publish(challenge, "two", 3), 0);
    assert_int_equal(own_challenge_publish(challenge, "three", 5), 0);
    const struct delegate_state *delegate = reserved(ZONE);
    assert_int_equal(delegate->values_count, 3);
    assert_int_equal(delegate->expires_at_s, FAKE_STORE_NOW_S + OWN_CHALLENGE_EXPIRY_S);

    assert_int_equal(own_challenge_clear(challenge, "two", 3), 0);
    assert_int_equal(delegate->values_count, 2);
    assert_memory_equal(delegate->values[0].text, "one", 3);
    assert_memory_equal(delegate->values[1].text, "three", 5);
    uint64_t version = delegate->version;
    assert_int_equal(own_challenge_clear(challenge, "nobody's", 8), 0);
    assert_int_equal(delegate->version, version);
    assert_int_equal(own_challenge_clear(challenge, NULL, 0), 0);
    assert_int_equal(delegate->values_count, 0);

    for (int i = 0; i < 20; i++) {
        char value[16];
        int len = snprintf(value, sizeof value, "%d", i);
        assert_int_equal(own_challenge_publish(challenge, value, (size_t)len), 0);
    }
    assert_int_equal(delegate->values_count, DELEGATE_VALUES_MAX);
    assert_memory_equal(delegate->values[DELEGATE_VALUES_MAX - 1].text, "19", 2);

    own_challenge_move(challenge, ZONE + 1);
    assert_int_equal(own_challenge_publish(challenge, "one", 3), 0);
    assert_int_equal(reserved(ZONE + 1)->values_count, 1);
    own_challenge_free(challenge);
}

static void test_failures(void **state)
{
    (void)state;
    struct own_challenge *challenge;
    assert_int_equal(own_challenge_new(NULL, ZONE + 2, &challenge), 0);
    fake_store.submit_result = TXTD_EFULL;
    assert_int_equal(own_challenge_publish(challenge, "one", 3), TXTD_EFULL);
    fake_store.submit_result = 0;
    fake_store.commit_result = TXTD_EIO;
    assert_int_equal(own_challenge_publish(challenge, "one", 3), TXTD_EIO);
    fake_store.commit_result = 0;
    assert_null(reserved(ZONE + 2));
    own_challenge_free(challenge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
