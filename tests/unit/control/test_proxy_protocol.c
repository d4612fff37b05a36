/* Both versions of the PROXY protocol, cut at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "control/proxy_protocol.h"

static void expect(const char *header, size_t len, const char *address)
{
    uint8_t wanted[16], found[16] = {0};
    assert_int_equal(inet_pton(AF_INET6, address, wanted), 1);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(proxy_protocol_parse((const uint8_t *)header, cut, found), 0);
    }
    char with_more[600];
    memcpy(with_more, header, len);
    memcpy(with_more + len, "GET", 3);
    assert_int_equal(proxy_protocol_parse((const uint8_t *)with_more, len + 3, found), (int)len);
    assert_memory_equal(found, wanted, 16);
}

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static void reads_both_versions(void **state)
{
    (void)state;
#define EXPECT(header, address) expect(header, sizeof(header) - 1, address)
    EXPECT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "::ffff:192.0.2.1");
    EXPECT("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", "2001:db8::1");
    EXPECT("PROXY TCP4 192.0.2.1 198.51.100.1 0 65535\r\n", "::ffff:192.0.2.1");
    EXPECT("PROXY UNKNOWN\r\n", "::");
    EXPECT(V2 "\x21\x11\0\x0c\300\0\2\1\300\0\2\2\0\1\0\2", "::ffff:192.0.2.1");
    EXPECT(V2 "\x21\x21\0\x24"
              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2",
           "2001:db8::1");
    EXPECT(V2 "\x20\0\0\0", "::"); /* LOCAL */
}

static void refuses_what_is_no_header(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
    } bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD("GET / HTTP/1.1\r\n"),
        BAD("PROXY TCP4 999.0.2.1 198.51.100.1 1 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 99999 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1  1 2\r\n"),
        BAD("PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n"),
        BAD("PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n"),
        BAD("PROXY TCP4\t192.0.2.1 198.51.100.1 1 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 nonsense 1 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 2001:db8::1 1 2\r\n"),
        BAD("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"),
        BAD("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n"),
        BAD("PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n"),
        BAD(V2 "\x11\x11\0\x0c\300\0\2\1\300\0\2\2\0\1\0\2"),
        BAD(V2 "\x21\x11\0\x04\300\0\2\1"),
        BAD(V2 "\x21\x11\xff\xff"),
        BAD("PROXY "
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t address[16];
        assert_int_equal(proxy_protocol_parse((const uint8_t *)bad[i].data, bad[i].len, address), TXTD_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_versions),
        cmocka_unit_test(refuses_what_is_no_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
