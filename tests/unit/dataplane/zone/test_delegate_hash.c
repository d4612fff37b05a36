#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/zone/delegate_hash.h"

/* SipHash-1-3 of 18 octets under the zero key, as CPython 3.11 computes it (PYTHONHASHSEED=0, hash(bytes)). */
static void hash_is_siphash_1_3(void **state)
{
    (void)state;
    const struct delegate_hash_key zero_key = {{0, 0}};
    struct delegate_id id = {{0}};
    assert_int_equal(delegate_hash(&zero_key, 0, &id), UINT64_C(0x5705f9138ed865aa));
    for (unsigned i = 0; i < 16; i++) {
        id.octets[i] = (uint8_t)i;
    }
    assert_int_equal(delegate_hash(&zero_key, 0x1234, &id), UINT64_C(0x7951a082283b04d5));
}

static void hash_depends_on_key_zone_and_every_octet(void **state)
{
    (void)state;
    const struct delegate_hash_key key = {{1, 2}};
    const struct delegate_hash_key other = {{1, 3}};
    struct delegate_id id = {{0}};
    uint64_t hash = delegate_hash(&key, 7, &id);
    assert_int_not_equal(hash, delegate_hash(&other, 7, &id));
    assert_int_not_equal(hash, delegate_hash(&key, 8, &id));
    for (unsigned i = 0; i < 16; i++) {
        id.octets[i] = 0x80;
        assert_int_not_equal(hash, delegate_hash(&key, 7, &id));
        id.octets[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_siphash_1_3),
        cmocka_unit_test(hash_depends_on_key_zone_and_every_octet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
