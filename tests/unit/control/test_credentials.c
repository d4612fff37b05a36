/* Usernames and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/credentials.h"

static void test_ids(void **state)
{
    (void)state;
    struct delegate_id first, second;
    assert_int_equal(credentials_make_id(&first), 0);
    assert_int_equal(credentials_make_id(&second), 0);
    assert_memory_not_equal(&first, &second, sizeof first);
    assert_int_equal(first.octets[6] >> 4, 4); /* version */
    assert_int_equal(first.octets[8] >> 6, 2); /* variant */
}

/* The same of the same, and nothing alike of anything else. */
static void test_usernames(void **state)
{
    (void)state;
    const uint8_t secret[STORE_SECRET_LEN] = {1}, other[STORE_SECRET_LEN] = {2};
    struct delegate_id delegate, neighbour, first, second;
    assert_int_equal(credentials_make_id(&delegate), 0);
    neighbour = delegate;
    neighbour.octets[15] ^= 1;
    assert_int_equal(credentials_make_username(secret, &delegate, &first), 0);
    assert_int_equal(credentials_make_username(secret, &delegate, &second), 0);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(first.octets[6] >> 4, 4); /* version */
    assert_int_equal(first.octets[8] >> 6, 2); /* variant */
    assert_int_equal(credentials_make_username(secret, &neighbour, &second), 0);
    assert_memory_not_equal(&first, &second, sizeof first);
    assert_int_equal(credentials_make_username(other, &delegate, &second), 0);
    assert_memory_not_equal(&first, &second, sizeof first);
}

static void test_keys(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned seen[256] = {0};
    char key[CREDENTIALS_KEY_LEN + 1], last[CREDENTIALS_KEY_LEN + 1] = "";
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(credentials_make_key(key), 0);
        assert_int_equal(strlen(key), CREDENTIALS_KEY_LEN);
        assert_int_equal(strspn(key, alphabet), CREDENTIALS_KEY_LEN);
        assert_string_not_equal(key, last);
        memcpy(last, key, sizeof last);
        for (unsigned at = 0; at < CREDENTIALS_KEY_LEN; at++) {
            seen[(unsigned char)key[at]]++;
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        assert_true(seen[(unsigned char)alphabet[i]] > 0); /* of 8000, each is expected 125 times */
    }
}

static void test_hash(void **state)
{
    (void)state;
    static const uint8_t abc[CREDENTIALS_HASH_LEN] = {/* FIPS 180-4, "abc" */
                                                      0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                                      0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                                      0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t hash[CREDENTIALS_HASH_LEN];
    assert_int_equal(credentials_hash("abc", 3, hash), 0);
    assert_memory_equal(hash, abc, sizeof abc);
    assert_true(credentials_equal(hash, abc, sizeof abc));
    hash[CREDENTIALS_HASH_LEN - 1] ^= 1;
    assert_false(credentials_equal(hash, abc, sizeof abc));
}

static void test_match(void **state)
{
    (void)state;
    struct store_account account = {.keys_count = 2};
    uint8_t first[CREDENTIALS_HASH_LEN], second[CREDENTIALS_HASH_LEN], none[CREDENTIALS_HASH_LEN] = {0};
    uint32_t key_id = 0;
    assert_int_equal(credentials_hash("first", 5, first), 0);
    assert_int_equal(credentials_hash("second", 6, second), 0);
    credentials_store_key(first, 7, 1000, &account.keys[0]);
    credentials_store_key(second, 9, 2000, &account.keys[1]);
    assert_int_equal(account.keys[1].created_s, 2000);

    assert_true(credentials_match(&account, first, &key_id));
    assert_int_equal(key_id, 7);
    assert_true(credentials_match(&account, second, &key_id));
    assert_int_equal(key_id, 9);
    assert_false(credentials_match(&account, none, NULL)); /* though unused places hold zeros */

    account.keys_count = 1;
    assert_false(credentials_match(&account, second, NULL));
    account.keys[0].scheme = STORE_KEY_BCRYPT;
    assert_false(credentials_match(&account, first, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids), cmocka_unit_test(test_usernames),
                                       cmocka_unit_test(test_keys), cmocka_unit_test(test_hash),
                                       cmocka_unit_test(test_match)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
