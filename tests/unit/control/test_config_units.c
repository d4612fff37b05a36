/* The small texts of a configuration, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "control/config_units.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BAD          UINT64_MAX

struct quantity {
    const char *text;
    uint64_t value; /* BAD: refused */
};

static void check(int (*parse)(const char *, uint64_t *), const struct quantity *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 12345;
        int rc = parse(rows[i].text, &value);
        if (rc != (rows[i].value == BAD ? TXTD_EINVAL : 0) || value != (rc == 0 ? rows[i].value : 12345)) {
            fail_msg("\"%s\": rc %d, value %llu", rows[i].text, rc, (unsigned long long)value);
        }
    }
}

static void test_number(void **state)
{
    static const struct quantity rows[] = {
        {"0", 0},
        {"16", 16},
        {"18446744073709551614", UINT64_MAX - 1},
        {"18446744073709551616", BAD},
        {"", BAD},
        {"-1", BAD},
        {"+1", BAD},
        {" 1", BAD},
        {"1 ", BAD},
        {"0x10", BAD},
        {"1.5", BAD},
    };
    (void)state;
    check(config_parse_number, rows, COUNT(rows));
}

static void test_duration(void **state)
{
    static const struct quantity rows[] = {
        {"500ms", 500},    {"30s", 30000},  {"30", 30000},
        {"5m", 300000},    {"2h", 7200000}, {"1d", 86400000},
        {"1w", 604800000}, {"10 s", 10000}, {"0", 0},
        {"s", BAD},        {"", BAD},       {"-1s", BAD},
        {"1.5s", BAD},     {"1S", BAD},     {"1s ", BAD},
        {"1h30m", BAD},    {"1y", BAD},     {"18446744073709551615s", BAD},
    };
    (void)state;
    check(config_parse_duration, rows, COUNT(rows));
}

static void test_size(void **state)
{
    static const struct quantity rows[] = {
        {"16KiB", 16384}, {"1MiB", 1048576},    {"2GiB", 2147483648}, {"1TiB", 1099511627776}, {"100B", 100},
        {"100", 100},     {"16 KiB", 16384},    {"16K", BAD},         {"16kb", BAD},           {"KiB", BAD},
        {"", BAD},        {"99999999TiB", BAD},
    };
    (void)state;
    check(config_parse_size, rows, COUNT(rows));
}

static void test_bool(void **state)
{
    static const struct {
        const char *text;
        int value; /* -1: refused */
    } rows[] = {{"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}, {"on", 1},    {"off", 0},
                {"True", 1}, {"OFF", 0},   {"1", -1},  {"", -1},  {"maybe", -1}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool truth = false;
        int rc = config_parse_bool(rows[i].text, &truth);
        assert_int_equal(rc == 0 ? truth : -1, rows[i].value);
    }
}

static void test_address(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } rows[] = {
        {"127.0.0.1:5353", "127.0.0.1 5353"},
        {"127.0.0.1@5353", "127.0.0.1 5353"},
        {"127.0.0.1", "127.0.0.1 53"},
        {"0.0.0.0", "0.0.0.0 53"},
        {"[::1]:5353", "::1 5353"},
        {"[::1]@5353", "::1 5353"},
        {"::1@5353", "::1 5353"},
        {"[::1]", "::1 53"},
        {"::1", "::1 53"},
        {"::", ":: 53"},
        {"[::]:0", ":: 0"},
        {"::1:5353", "::0.1.83.83 53"},
        {"2001:db8::1", "2001:db8::1 53"},
        {"127.0.0.1:65535", "127.0.0.1 65535"},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:", NULL},
        {"127.0.0.1@", NULL},
        {"127.0.0.1:-1", NULL},
        {"127.0.0.1:53:53", NULL},
        {"127.0.0", NULL},
        {"127.0.0.256", NULL},
        {"[127.0.0.1]:53", NULL},
        {"[::1", NULL},
        {"::1]", NULL},
        {"[::1]53", NULL},
        {"[]", NULL},
        {"", NULL},
        {":53", NULL},
        {"@53", NULL},
        {"localhost:53", NULL},
        {"::1%lo", NULL},
        {"::ffff:127.0.0.1@53", NULL},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sockaddr_storage address;
        socklen_t len = 0;
        char host[INET6_ADDRSTRLEN], text[80] = "";
        if (config_parse_address(rows[i].text, 53, &address, &len) == 0) {
            const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
            const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
            bool is_v4 = address.ss_family == AF_INET;
            assert_int_equal(len, is_v4 ? sizeof *v4 : sizeof *v6);
            inet_ntop(address.ss_family, is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr, host, sizeof host);
            (void)snprintf(text, sizeof text, "%s %u", host, ntohs(is_v4 ? v4->sin_port : v6->sin6_port));
        }
        if (strcmp(text, rows[i].want == NULL ? "" : rows[i].want) != 0) {
            fail_msg("\"%s\" gives \"%s\"", rows[i].text, text);
        }
    }
}

static void test_prefix(void **state)
{
    static const struct {
        const char *text, *address;
        int len; /* -1: refused */
    } rows[] = {
        {"192.0.2.0/24", "::ffff:192.0.2.0", 120},
        {"0.0.0.0/0", "::ffff:0.0.0.0", 96},
        {"192.0.2.7", "::ffff:192.0.2.7", 128},
        {"2001:db8::/32", "2001:db8::", 32},
        {"::/0", "::", 0},
        {"::1", "::1", 128},
        {"192.0.2.1/24", NULL, -1},
        {"2001:db8::1/64", NULL, -1},
        {"192.0.2.0/33", NULL, -1},
        {"::/129", NULL, -1},
        {"192.0.2.0/", NULL, -1},
        {"192.0.2.0/-1", NULL, -1},
        {"/24", NULL, -1},
        {"", NULL, -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ip_prefix prefix;
        int rc = config_parse_prefix(rows[i].text, &prefix);
        if ((rc == 0) != (rows[i].len >= 0)) {
            fail_msg("\"%s\": rc %d", rows[i].text, rc);
        }
        if (rc == 0) {
            uint8_t want[16];
            assert_int_equal(inet_pton(AF_INET6, rows[i].address, want), 1);
            assert_memory_equal(prefix.address, want, 16);
            assert_int_equal(prefix.len, rows[i].len);
        }
    }
}

static void test_zone_name(void **state)
{
    char label64[70], whole[300];
    static const struct {
        const char *text, *want;
    } rows[] = {{"auth.example.org", "auth.example.org"},
                {"Auth.Example.ORG.", "auth.example.org"},
                {"_x.a-b.test", "_x.a-b.test"},
                {"test", "test"},
                {"", NULL},
                {".", NULL},
                {"a..b", NULL},
                {".a", NULL},
                {"a..", NULL},
                {"a b", NULL},
                {"a\\.b", NULL},
                {"*.a", NULL},
                {"a/b", NULL}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[CONFIG_NAME_SIZE] = "";
        int rc = config_parse_zone_name(rows[i].text, name);
        assert_int_equal(rc, rows[i].want == NULL ? TXTD_EINVAL : 0);
        if (rc == 0) {
            assert_string_equal(name, rows[i].want);
        }
    }
    char name[CONFIG_NAME_SIZE];
    memset(label64, 'a', 64);
    strcpy(label64 + 64, ".b");
    assert_int_equal(config_parse_zone_name(label64, name), TXTD_EINVAL);
    assert_int_equal(config_parse_zone_name(label64 + 1, name), 0);
    for (size_t i = 0; i < 254; i++) {
        whole[i] = i % 2 == 0 ? 'a' : '.';
    }
    whole[253] = '\0';
    assert_int_equal(config_parse_zone_name(whole, name), 0);
    strcpy(whole + 253, ".a");
    assert_int_equal(config_parse_zone_name(whole, name), TXTD_EINVAL);
}

static void test_hex(void **state)
{
    uint8_t octets[3] = {0};
    (void)state;
    assert_int_equal(config_parse_hex("00fFa1", octets, 3), 0);
    assert_memory_equal(octets, "\x00\xff\xa1", 3);
    assert_int_equal(config_parse_hex("00ffa", octets, 3), TXTD_EINVAL);
    assert_int_equal(config_parse_hex("00ffa11", octets, 3), TXTD_EINVAL);
    assert_int_equal(config_parse_hex("00ffag", octets, 3), TXTD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number),    cmocka_unit_test(test_duration), cmocka_unit_test(test_size),
        cmocka_unit_test(test_bool),      cmocka_unit_test(test_address),  cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_zone_name), cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
