/* How a DNS server is named on the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/txtctl/dns_ask.h"

static void test_split(void **state)
{
    (void)state;
    static const struct {
        const char *server, *host; /* NULL: refused */
        unsigned port;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", 53},
        {"192.0.2.1:5353", "192.0.2.1", 5353},
        {"ns1.example.org", "ns1.example.org", 53},
        {"ns1.example.org:65535", "ns1.example.org", 65535},
        {"2001:db8::1", "2001:db8::1", 53},
        {"[2001:db8::1]", "2001:db8::1", 53},
        {"[2001:db8::1]:5353", "2001:db8::1", 5353},
        {"", NULL, 0},
        {":53", NULL, 0},
        {"[]:53", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"192.0.2.1:", NULL, 0},
        {"192.0.2.1:0", NULL, 0},
        {"192.0.2.1:65536", NULL, 0},
        {"192.0.2.1:-1", NULL, 0},
        {"192.0.2.1:53x", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[DNS_ASK_HOST_MAX];
        unsigned port;
        int result = dns_ask_split(rows[i].server, host, &port);
        assert_int_equal(result, rows[i].host == NULL ? TXTD_EINVAL : 0);
        if (result == 0) {
            assert_string_equal(host, rows[i].host);
            assert_int_equal(port, rows[i].port);
        }
    }
    char host[DNS_ASK_HOST_MAX], longest[DNS_ASK_HOST_MAX + 1];
    unsigned port;
    memset(longest, 'a', DNS_ASK_HOST_MAX);
    longest[DNS_ASK_HOST_MAX] = '\0';
    assert_int_equal(dns_ask_split(longest, host, &port), TXTD_EINVAL);
    longest[DNS_ASK_HOST_MAX - 1] = '\0';
    assert_int_equal(dns_ask_split(longest, host, &port), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
