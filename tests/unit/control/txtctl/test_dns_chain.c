/* Chains of CNAMEs: how long they may be, and circles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "control/txtctl/dns_chain.h"

static void test_length(void **state)
{
    (void)state;
    struct dns_chain chain;
    struct error_detail detail = {""};
    char name[DNS_NAME_TEXT_MAX];
    dns_chain_begin(&chain, "_acme-challenge.example.com.");
    assert_int_equal(chain.links, 0);
    for (unsigned i = 1; i <= DNS_CHAIN_MAX; i++) {
        (void)snprintf(name, sizeof name, "hop%u.example.com.", i);
        assert_int_equal(dns_chain_add(&chain, name, &detail), 0);
        assert_int_equal(chain.links, i);
        assert_string_equal(chain.names[chain.links], name);
    }
    assert_int_equal(dns_chain_add(&chain, "one.more.", &detail), TXTD_EFULL);
    assert_int_equal(chain.links, DNS_CHAIN_MAX);
    assert_non_null(strstr(detail.text, "more than 8 CNAMEs"));
}

static void test_circle(void **state)
{
    (void)state;
    struct dns_chain chain;
    struct error_detail detail = {""};
    dns_chain_begin(&chain, "a.example.");
    assert_int_equal(dns_chain_add(&chain, "A.example.", &detail), TXTD_EINVAL);
    assert_int_equal(dns_chain_add(&chain, "b.example.", &detail), 0);
    assert_int_equal(dns_chain_add(&chain, "c.example.", &detail), 0);
    assert_int_equal(dns_chain_add(&chain, "B.example.", &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "back to B.example."));
    assert_int_equal(chain.links, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_length), cmocka_unit_test(test_circle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
