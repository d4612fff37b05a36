/* The configuration: defaults, the documented example, and one row for each way to get it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config.h"
#include "control/config_raw.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define MINIMAL                                                                                                        \
    "zones:\n"                                                                                                         \
    "  - name: auth.example.org\n"                                                                                     \
    "    nameservers:\n"                                                                                               \
    "      - name: ns1.auth.example.org\n"                                                                             \
    "        addresses: [192.0.2.1]\n"
#define LINE_6 MINIMAL /* what follows stands on line 6 */

static char file[] = "/tmp/test_config.XXXXXX";
static char side_file[sizeof file + 8];

static int make_files(void **state)
{
    (void)state;
    int fd = mkstemp(file);
    (void)snprintf(side_file, sizeof side_file, "%s.side", file);
    return fd < 0 ? -1 : close(fd);
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(side_file);
    return unlink(file);
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static struct config *load(const char *text)
{
    struct config *config = NULL;
    struct error_detail detail = {""};
    write_file(file, text);
    if (config_load(file, &config, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
    return config;
}

static void test_minimal(void **state)
{
    (void)state;
    struct config *config = load(MINIMAL);
    assert_int_equal(config->zones_count, 1);
    const struct config_zone *zone = &config->zones[0];
    assert_string_equal(zone->name, "auth.example.org");
    assert_int_equal(zone->slots, 2);
    assert_int_equal(zone->value_expiry_s, 30 * 86400);
    assert_int_equal(zone->source.options.value_ttl_s, 1);
    assert_true(zone->source.options.delegate_caa);
    assert_false(zone->source.options.delegate_mail_hardening);
    assert_int_equal(zone->source.basics.minimum_s, 1);
    assert_int_equal(zone->source.basics.ttl_s, 3600);
    assert_int_equal(zone->source.basics.nameservers_count, 1);
    assert_string_equal(zone->source.basics.nameservers[0].name, "ns1.auth.example.org");
    assert_string_equal(zone->source.basics.nameservers[0].addresses[0], "192.0.2.1");
    assert_null(zone->source.file);
    assert_int_equal(config->dns.addresses_count, 2);
    assert_int_equal(config->dns.addresses[1].address.ss_family, AF_INET6);
    assert_true(config->dns.pin);
    assert_true(config->dns.rrl);
    assert_int_equal(config->dns.tcp.idle_ms, 10000);
    assert_int_equal(config->dns.tcp.output_max, 256 * 1024);
    assert_int_equal(config->dns.tcp.buffered_max, 64 << 20);
    assert_int_equal(config->respond.tcp_keepalive_100ms, 100);
    assert_int_equal(config->respond.cookie_secrets_count, 1);
    assert_true(config->cookie_secrets_random);
    assert_int_equal(config->http.listeners_count, 2);
    assert_true(config->http.listeners[0].tls);
    assert_int_equal(config->http.limits.body_max, 16384);
    assert_true(config->api.self_signed);
    assert_string_equal(config->api.certificate, "/var/lib/txtd/self-signed.pem");
    assert_string_equal(config->api.public_url, "https://auth.example.org");
    assert_int_equal(config->api.registration, CONFIG_REGISTRATION_OPEN);
    assert_string_equal(config->store.directory, "/var/lib/txtd/store");
    assert_null(config->store.log_directory);
    assert_true(config->store.sync);
    assert_int_equal(config->store.reserve, 256u << 20);
    assert_int_equal(config->committer.queue_max, 4096);
    assert_null(config->process.user);
    assert_true(config->process.seccomp);
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    config_free(config);
}

static void test_everything_given(void **state)
{
    (void)state;
    write_file(side_file, "# tokens\n0123456789abcdef\n\n  ABCDEFGHIJKLMNOP~-._ # the second\n");
    char text[4096];
    (void)snprintf(
        text, sizeof text,
        "zones:\n"
        "  - {name: B.Example., slots: 16, value_ttl: 5, value_expiry: 1h, zone_file: /z, hostmaster: a@b.example,\n"
        "     records: ['@ 1 IN TXT \"x\"', 'a 1 IN A 192.0.2.1'], delegate_caa: no, delegate_mail_hardening: on}\n"
        "  - {name: c.example, nameservers: [{name: ns.other.}, {name: ns2.other}]}\n"
        "dns:\n"
        "  listen: ['127.0.0.1:5300', '[::1]:0']\n"
        "  identity: ns1\n"
        "  cookie_secrets: [000102030405060708090a0b0c0d0e0f, FFfFffffffffffffffffffffffffffff]\n"
        "  rrl: {enabled: false}\n"
        "  tcp: {idle: 2500ms}\n"
        "%s"
        "api:\n"
        "  listen: ['127.0.0.1:8443']\n"
        "  listen_proxy_protocol: ['[::1]:8444']\n"
        "  internal_listen: ['127.0.0.1:8080']\n"
        "  certificate: /c.pem\n"
        "  key: /c.key\n"
        "  cors_origins: ['https://www.example.org', '*']\n"
        "  trusted_proxies: [10.0.0.0/8, '::1']\n"
        "  registration: token\n"
        "  registration_tokens_file: %s\n"
        "process: {state_directory: /s, user: nobody}\n"
        "log: {level: debug, format: json}\n",
        xdp_is_built() ? "  xdp: [{interface: eth0}, {interface: eth1.7, mode: generic, copy: yes, busy_poll: 20}]\n"
                       : "",
        side_file);
    struct config *config = load(text);
    assert_int_equal(config->zones_count, 2);
    assert_string_equal(config->zones[0].name, "b.example");
    assert_int_equal(config->zones[0].slots, 16);
    assert_int_equal(config->zones[0].value_expiry_s, 3600);
    assert_int_equal(config->zones[0].source.options.value_ttl_s, 5);
    assert_false(config->zones[0].source.options.delegate_caa);
    assert_true(config->zones[0].source.options.delegate_mail_hardening);
    assert_string_equal(config->zones[0].source.file, "/z");
    assert_string_equal(config->zones[0].source.basics.hostmaster, "a@b.example");
    assert_int_equal(config->zones[0].source.records_count, 2);
    assert_string_equal(config->zones[0].source.records[1], "a 1 IN A 192.0.2.1");
    assert_int_equal(config->zones[1].source.basics.nameservers_count, 2);
    assert_int_equal(config->zones[1].source.basics.nameservers[1].addresses_count, 0);
    assert_string_equal(config->respond.identity, "ns1");
    assert_int_equal(config->respond.cookie_secrets_count, 2);
    assert_int_equal(config->respond.cookie_secrets[0][15], 0x0f);
    assert_int_equal(config->respond.cookie_secrets[1][0], 0xff);
    assert_false(config->cookie_secrets_random);
    assert_false(config->dns.rrl);
    if (xdp_is_built()) {
        assert_int_equal(config->xdp_count, 2);
        assert_string_equal(config->xdp[0].interface, "eth0");
        assert_int_equal(config->xdp[0].mode, XDP_MODE_AUTO);
        assert_int_equal(config->xdp[1].mode, XDP_MODE_GENERIC);
        assert_true(config->xdp[1].copy);
        assert_int_equal(config->xdp[1].busy_poll_us, 20);
    }
    assert_int_equal(config->respond.tcp_keepalive_100ms, 25);
    assert_int_equal(config->http.listeners_count, 3);
    assert_true(config->http.listeners[1].tls && config->http.listeners[1].proxy_protocol);
    assert_false(config->http.listeners[2].tls);
    assert_int_equal(config->http.listeners[2].site, CONFIG_SITE_INTERNAL);
    assert_false(config->api.self_signed);
    assert_string_equal(config->api.public_url, "https://b.example:8443");
    assert_int_equal(config->http.trusted_proxies_count, 2);
    assert_int_equal(config->api.registration_tokens_count, 2);
    assert_string_equal(config->api.registration_tokens[1], "ABCDEFGHIJKLMNOP~-._");
    assert_string_equal(config->store.directory, "/s/store");
    assert_string_equal(config->process.user, "nobody");
    assert_int_equal(config->log.format, LOG_FORMAT_JSON);
    config_free(config);
}

/* --- deploy/txtd.example.yaml states every key, with the default. --- */

static char *example_text(void)
{
    static char text[64 * 1024];
    FILE *in = fopen(TXTD_SOURCE_DIR "/deploy/txtd.example.yaml", "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof text - 1, in);
    text[len] = '\0';
    (void)fclose(in);
    return text;
}

static void test_example_has_the_defaults(void **state)
{
    (void)state;
    struct config *plain = load(MINIMAL);
    struct config *example = load(example_text());
    const char *names[CONFIG_RESTART_KEYS_MAX];
    if (config_needs_restart(plain, example, names) != 0) {
        fail_msg("the example differs from the default in %s", names[0]);
    }
    assert_int_equal(example->zones[0].slots, plain->zones[0].slots);
    assert_int_equal(example->zones[0].value_expiry_s, plain->zones[0].value_expiry_s);
    assert_memory_equal(&example->zones[0].source.options, &plain->zones[0].source.options,
                        sizeof(struct zone_options));
    assert_int_equal(example->zones[0].source.basics.minimum_s, plain->zones[0].source.basics.minimum_s);
    assert_int_equal(example->zones[0].source.basics.ttl_s, plain->zones[0].source.basics.ttl_s);
    assert_memory_equal(&example->api.rates, &plain->api.rates, sizeof plain->api.rates);
    assert_int_equal(example->api.registration, plain->api.registration);
    assert_int_equal(example->api.drain_ms, plain->api.drain_ms);
    assert_string_equal(example->api.public_url, plain->api.public_url);
    assert_int_equal(example->respond.cookie_secrets_count, plain->respond.cookie_secrets_count);
    assert_string_equal(example->respond.identity, plain->respond.identity);
    assert_memory_equal(&example->log, &plain->log, sizeof plain->log);
    config_free(plain);
    config_free(example);
}

static void expect_keys(const char *text, const cyaml_schema_field_t *fields)
{
    for (; fields->key != NULL; fields++) {
        char plain[80], commented[80];
        (void)snprintf(plain, sizeof plain, " %s:", fields->key);
        (void)snprintf(commented, sizeof commented, "\n%s:", fields->key);
        if (strstr(text, plain) == NULL && strstr(text, commented) == NULL) {
            fail_msg("txtd.example.yaml does not mention %s", fields->key);
        }
        if (fields->value.type == CYAML_MAPPING) {
            expect_keys(text, fields->value.mapping.fields);
        } else if (fields->value.type == CYAML_SEQUENCE && fields->value.sequence.entry->type == CYAML_MAPPING) {
            expect_keys(text, fields->value.sequence.entry->mapping.fields);
        }
    }
}

static void test_example_has_every_key(void **state)
{
    (void)state;
    expect_keys(example_text(), config_schema_fields);
}

/* --- The API's own certificate --- */

#define SOCKET "process: {control_socket: /s}\n"

static void test_acme_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned zone;
        bool served;
        const char *record;
    } rows[] = {
        {LINE_6, 0, false, NULL},
        {LINE_6 "api: {acme_name: Auth.Example.Org.}\n" SOCKET, 0, true,
         "_acme-challenge.auth.example.org. IN CNAME " CONFIG_RESERVED_DELEGATE ".auth.example.org."},
        {LINE_6 "    records: ['a IN A 192.0.2.1']\n  - {name: api.auth.example.org, zone_file: /z}\n"
                "api: {acme_name: www.api.auth.example.org}\n" SOCKET,
         1, true,
         "_acme-challenge.www.api.auth.example.org. IN CNAME " CONFIG_RESERVED_DELEGATE ".api.auth.example.org."},
        {LINE_6 "api: {acme_name: xauth.example.org}\n" SOCKET, 0, false, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *config = load(rows[i].text);
        const struct zone_source *source = &config->zones[rows[i].zone].source;
        char target[400];
        (void)snprintf(target, sizeof target, CONFIG_RESERVED_DELEGATE ".%s", config->zones[rows[i].zone].name);
        assert_int_equal(config->api.acme_zone, rows[i].zone);
        assert_int_equal(config->api.acme_served, rows[i].served);
        assert_string_equal(config->api.acme_target, target);
        if (rows[i].record == NULL) {
            assert_int_equal(source->records_count, 0);
        } else {
            assert_string_equal(source->records[source->records_count - 1], rows[i].record);
        }
        config_free(config);
    }
    assert_int_equal(CONFIG_RESERVED_DELEGATE[14], '8'); /* registration makes version 4 */
}

/* --- Each row: a file, and what the one line says after the file's name. --- */

/* `want` begins the complaint behind the file's name, or is somewhere in it when it does not begin with a line's number. */
static void expect_refusal(const char *text, const char *want)
{
    struct config *config = NULL;
    struct error_detail detail = {""};
    write_file(file, text);
    assert_int_not_equal(config_load(file, &config, &detail), 0);
    assert_null(config);
    const char *rest = strncmp(detail.text, file, strlen(file)) == 0 ? detail.text + strlen(file) : detail.text;
    bool anywhere = want[0] != ':' || want[1] == ' ';
    if (anywhere ? strstr(rest, want) == NULL : strncmp(rest, want, strlen(want)) != 0) {
        fail_msg("%s says \"%s\", not \"%s\"", text, detail.text, want);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ":1: the file is empty"},
        {"a", ":1: "},
        {"zones: []\n", ":1: zones: no zone is given"},
        {"dns: {}\n", ":1: zones: no zone is given"},
        {LINE_6 "dns:\n  workers: 1\n  wrokers: 2\n", ":8: dns.wrokers: there is no such key"},
        {LINE_6 "dsn:\n", ":6: dsn: there is no such key"},
        {LINE_6 "dns:\n  tcp:\n    ilde: 3\n", ":8: dns.tcp.ilde: there is no such key"},
        {LINE_6 "  - name: b.example\n    nameserver: []\n", ":7: zones[1].nameserver: there is no such key"},
        {LINE_6 "dns:\n  pin: true\n  pin: false\n", "dns.pin: this key is given twice"},
        {LINE_6 "dns:\n  - 1\n", ":6: dns: "},
        {LINE_6 "dns: {workers: [1]}\n", ":6: dns.workers: "},
        {LINE_6 "dns:\n\tworkers: 1\n", ":7: not valid YAML: "},
        {LINE_6 "dns: {workers: 1\n", ": not valid YAML: "},
        {LINE_6 "---\nzones: []\n", ":7: a second YAML document"},
        {LINE_6 "dns: &a {}\napi: *a\n", ":6: anchors and aliases"},
        {LINE_6 "dns:\n  identity: &name x\n", ":7: anchors and aliases"},
        {LINE_6 "dns: {listen: '127.0.0.1'}\n", ":6: dns.listen: must be a list: [..]"},
        {LINE_6 "dns: {workers: [1]}\n", ":6: dns.workers: must be a single value"},
        {LINE_6 "dns: 3\n", ":6: dns: must be keys with values"},
        {LINE_6 "dns: ''\n", ":6: dns: must be keys with values"},
        {LINE_6 "dns: {cookie_secrets: [a, b, c]}\n", ":6: dns.cookie_secrets[1]: there may be 2 of them at most"},
        {LINE_6 "dns:\n  workers: many\n", ":7: dns.workers: \"many\" is not a number"},
        {LINE_6 "dns:\n  workers: 257\n", ":7: dns.workers: \"257\" is not between 0 and 256"},
        {LINE_6 "dns:\n  workers: -1\n", ":7: dns.workers: \"-1\" is not a number"},
        {LINE_6 "dns:\n  pin: maybe\n", ":7: dns.pin: \"maybe\" is neither true nor false"},
        {LINE_6 "dns:\n  workers:\n", ":7: dns.workers: \"\" is not a number"},
        {LINE_6 "dns: {tcp: {idle: soon}}\n", ":6: dns.tcp.idle: \"soon\" is not a duration"},
        {LINE_6 "dns: {tcp: {idle: 5ms}}\n", ":6: dns.tcp.idle: \"5ms\" is not between 100 and"},
        {LINE_6 "dns: {tcp: {output: 1GB}}\n", ":6: dns.tcp.output: \"1GB\" is not a size"},
        {LINE_6 "dns:\n  listen: [127.0.0.1, nowhere]\n", ":7: dns.listen[1]: \"nowhere\" is not an address"},
        {LINE_6 "dns:\n  listen:\n    - 127.0.0.1\n    - 127.0.0.1:53\n",
         ":9: dns.listen[1]: 127.0.0.1:53 is listened"},
        {LINE_6 "dns:\n  listen: ['127.0.0.1', '0.0.0.0']\n", ":7: dns.listen[1]: 0.0.0.0 is listened on already"},
        {LINE_6 "dns:\n  listen: ['[::]', '::1']\n", ":7: dns.listen[1]: ::1 is listened on already"},
        {LINE_6 "dns:\n  listen: []\n", ":7: dns.listen: no address is given"},
        {LINE_6 "dns:\n  identity: " /* 128 characters */
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
         ":7: dns.identity: must have 0 to 127 characters"},
        {LINE_6 "dns:\n  cookie_secrets: [abc]\n", ":7: dns.cookie_secrets[0]: a cookie secret is 32 hex"},
        {LINE_6 "dns:\n  cookie_secret_file: /nonexistent/file\n",
         ":7: dns.cookie_secret_file: /nonexistent/file: cannot be opened"},
        {LINE_6 "api:\n  operator_tokens_file: /nonexistent/t\n",
         ":7: api.operator_tokens_file: /nonexistent/t: cannot"},
        {LINE_6 "dns:\n  cookie_secret_file: /dev/null\n",
         ":7: dns.cookie_secret_file: /dev/null: is not a regular file"},
        {LINE_6 "dns: {cookie_secret_file: /a, cookie_secrets: [000102030405060708090a0b0c0d0e0f]}\n",
         ":6: dns.cookie_secret_file: dns.cookie_secrets is given too"},
        {LINE_6 "api:\n  certificate: /c\n", ":7: api.certificate: api.key is missing"},
        {LINE_6 "api:\n  key: /c\n", ":7: api.key: api.certificate is missing"},
        {LINE_6 "api:\n  self_signed: false\n", ":7: api.self_signed: without it"},
        {LINE_6 "api:\n  listen: []\n", ":7: api.listen: no address is given"},
        {LINE_6 "api:\n  listen: ['127.0.0.1:1']\n  internal_listen: ['127.0.0.1:1']\n",
         ":8: api.internal_listen[0]: 127.0.0.1:1 is listened on already"},
        {LINE_6 "dns: {listen: ['127.0.0.1']}\napi:\n  listen: ['127.0.0.1:53']\n",
         ":8: api.listen[0]: 127.0.0.1:53 is listened on already"},
        {LINE_6 "api:\n  internal_listen: ['192.0.2.1:53']\n",
         ":7: api.internal_listen[0]: 192.0.2.1:53 is listened on"},
        {LINE_6 "api:\n  listen_proxy_protocol: ['127.0.0.1']\n", ":7: api.listen_proxy_protocol: needs api.trusted"},
        {LINE_6 "api:\n  trusted_proxies: [10.0.0.1/8]\n",
         ":7: api.trusted_proxies[0]: \"10.0.0.1/8\" is not a prefix"},
        {LINE_6 "api:\n  public_url: http://x\n", ":7: api.public_url: \"http://x\" is not a URL"},
        {LINE_6 "api:\n  cors_origins: [www.example.org]\n", ":7: api.cors_origins[0]: "},
        {LINE_6 "api:\n  registration: closed\n", ":7: api.registration: \"closed\" is not one of: open, off, token"},
        {LINE_6 "api:\n  registration: token\n", ":7: api.registration: token needs"},
        {LINE_6 "api:\n  registration_tokens_file: /t\n", ":7: api.registration_tokens_file: registration is open"},
        {LINE_6 "api:\n  acme_name: 'a b'\n", ":7: api.acme_name: \"a b\" is not a host name"},
        {LINE_6 "process:\n  control_socket: /123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
                "123456789/123456789/123456789/1234567\n",
         ":7: process.control_socket: must have 1 to 107 characters"},
        {LINE_6 "api:\n  acme_name: a.example\n", ":7: api.acme_name: needs process.control_socket"},
        {LINE_6 "store:\n  backup_directory: /var/lib/txtd/store/\n",
         ":7: store.backup_directory: must not be store.dir"},
        {LINE_6 "store: {directory: /s/, backup_directory: /s}\n", ":6: store.backup_directory: must not be store.dir"},
        {LINE_6 "store: {directory: /s, backup_directory: /s/b}\n",
         ":6: store.backup_directory: must not be store.dir"},
        {LINE_6 "process:\n  state_directory: state\n", ":7: process.state_directory: \"state\" does not begin with /"},
        {LINE_6 "process:\n  control_socket: txtd.sock\n", ":7: process.control_socket: \"txtd.sock\" does not begin"},
        {LINE_6 "store:\n  directory: ./store\n", ":7: store.directory: \"./store\" does not begin with /"},
        {LINE_6 "store:\n  log_directory: log\n", ":7: store.log_directory: \"log\" does not begin with /"},
        {LINE_6 "store:\n  backup_directory: b\n", ":7: store.backup_directory: \"b\" does not begin with /"},
        {LINE_6 "log:\n  audit_file: audit.json\n", ":7: log.audit_file: \"audit.json\" does not begin with /"},
        {LINE_6 "log:\n  level: loud\n", ":7: log.level: \"loud\" is not one of: error, warning, info, debug"},
        {"zones:\n  - nameservers: []\n", ":2: zones[0]: name is missing"},
        {"zones:\n  - name: a.example\n", ":2: zones[0]: a.example has no name server"},
        {"zones:\n  - name: " /* 217 characters */
         "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
         "a."
         "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
         "a\n",
         ":2: zones[0].name: the name has more than 216 characters"},
        {"zones:\n  - name: 'a b'\n", ":2: zones[0].name: \"a b\" is not a domain name"},
        {LINE_6 "  - name: AUTH.example.org.\n    zone_file: /z\n", ":6: zones[1].name: auth.example.org is zones[0]"},
        {LINE_6 "    slots: 17\n", ":6: zones[0].slots: \"17\" is not between 2 and 16"},
        {LINE_6 "    value_ttl: 500ms\n", ":6: zones[0].value_ttl: \"500ms\" is not a whole number of seconds"},
        {"zones:\n  - name: a.example\n    nameservers:\n      - name: ns.a.example\n        addresses: [1.2.3]\n",
         ":5: zones[0].nameservers[0].addresses[0]: \"1.2.3\" is not an IPv4 or IPv6 address"},
        {"zones:\n  - name: a.example\n    nameservers: [{name: A.EXAMPLE.}]\n",
         ":3: zones[0].nameservers[0]: a.example lies in the zone, so it needs addresses"},
        {"zones:\n  - name: a.example\n    nameservers: [{name: ns.ba.example, addresses: ['::1']}]\n",
         ":3: zones[0].nameservers[0]: ns.ba.example lies outside a.example"},
        {"zones:\n  - name: a.example\n    nameservers: [{name: 'n s'}]\n",
         ":3: zones[0].nameservers[0].name: \"n s\" is not a host name"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refusal(rows[i].text, rows[i].want);
    }
}

static void test_xdp_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {LINE_6 "dns:\n  xdp:\n    - mode: native\n", ":8: dns.xdp[0]"},
        {LINE_6 "dns:\n  xdp: [{interface: 'a b'}]\n", ":7: dns.xdp[0].interface: \"a b\" is not the name"},
        {LINE_6 "dns:\n  xdp: [{interface: abcdefghijklmnop}]\n", ":7: dns.xdp[0].interface: must have 1 to 15"},
        {LINE_6 "dns:\n  xdp: [{interface: eth0}, {interface: eth0}]\n",
         ":7: dns.xdp[1].interface: eth0 is dns.xdp[0] already"},
        {LINE_6 "dns:\n  xdp: [{interface: eth0, mode: fast}]\n", ":7: dns.xdp[0].mode: \"fast\" is not one of"},
        {LINE_6 "dns:\n  xdp: [{interface: eth0, busy_poll: 10001}]\n", ":7: dns.xdp[0].busy_poll: "},
    };
    if (!xdp_is_built()) {
        expect_refusal(LINE_6 "dns:\n  xdp: [{interface: eth0}]\n", ":7: dns.xdp: this txtd was built without XDP");
        return;
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refusal(rows[i].text, rows[i].want);
    }
}

/* All keys of a section commented out: as if it were not there; lines stay what they are. */
static void test_empty_sections(void **state)
{
    static const char *const rows[] = {
        LINE_6 "dns:\n  # workers: 3\napi:\nstore:\nprocess:\nlog:\n",
        LINE_6 "# \xc3\xbc\xe2\x82\xac\ndns: # none\n  rrl:\n  tcp:\n    # idle: 3s\napi:\n  limits:\n",
        "\xef\xbb\xbf" LINE_6 "log:\n  # \xc3\xbc\nstore:",
        LINE_6 "dns: {rrl: , tcp: }\n",
    };
    (void)state;
    struct config *plain = load(MINIMAL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *names[CONFIG_RESTART_KEYS_MAX];
        struct config *config = load(rows[i]);
        assert_int_equal(config_needs_restart(plain, config, names), 0);
        config_free(config);
    }
    config_free(plain);
    expect_refusal(LINE_6 "# \xc3\xbc\ndns:\n  tcp:\n  # idle: 1\napi:\n  threads: x\n", ":11: api.threads: \"x\" is");
}

static void test_secrets_are_not_quoted(void **state)
{
    static const char *const settings[] = {
        "dns:\n  cookie_secret_file: %s\n",
        "api:\n  registration: token\n  registration_tokens_file: %s\n",
    };
    (void)state;
    write_file(side_file, "# a comment\nhush!\n");
    for (size_t i = 0; i < COUNT(settings); i++) {
        char setting[256], text[1024];
        struct config *config = NULL;
        struct error_detail detail = {""};
        (void)snprintf(setting, sizeof setting, settings[i], side_file);
        (void)snprintf(text, sizeof text, "%s%s", MINIMAL, setting);
        write_file(file, text);
        assert_int_equal(config_load(file, &config, &detail), TXTD_EINVAL);
        assert_non_null(strstr(detail.text, ".side:2: "));
        assert_null(strstr(detail.text, "hush"));
    }
}

static void test_files_that_cannot_be_read(void **state)
{
    struct config *config = NULL;
    struct error_detail detail = {""};
    (void)state;
    assert_int_equal(config_load("/nonexistent/txtd.yaml", &config, &detail), TXTD_ENOTFOUND);
    assert_string_equal(detail.text, "/nonexistent/txtd.yaml: cannot be opened: No such file or directory");
    assert_int_equal(config_load("/", &config, &detail), TXTD_EINVAL);
    assert_string_equal(detail.text, "/: is not a regular file");
}

static void test_needs_restart(void **state)
{
    static const struct {
        const char *change, *keys;
    } rows[] = {
        {"", ""},
        {"  - {name: b.example, nameservers: [{name: ns.other}]}\n", ""},
        {"log: {level: debug, format: json}\n", ""},
        {"dns: {identity: x, version: y, cookie_secrets: [000102030405060708090a0b0c0d0e0f]}\n", ""},
        {"api: {registration: off, public_url: https://x, cors_origins: ['*'], limits: {updates_per_minute: 1}}\n", ""},
        {"dns: {listen: ['0.0.0.0']}\n", "dns.listen "},
        {"dns: {workers: 3, rrl: {slip: 3}}\n", "dns.workers dns.rrl.slip "},
        {"api: {listen: ['0.0.0.0'], trusted_proxies: ['::1']}\n", "api.listen api.trusted_proxies "},
        {"api: {certificate: /c, key: /k}\n", "api.certificate api.key api.self_signed "},
        {"store: {directory: /x, cache: 1GiB}\n", "store.directory store.cache "},
        {"process: {user: nobody, seccomp: false}\n", "process.user process.seccomp "},
    };
    (void)state;
    struct config *running = load(MINIMAL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[1024], keys[1024] = "";
        const char *names[CONFIG_RESTART_KEYS_MAX];
        (void)snprintf(text, sizeof text, "%s%s", MINIMAL, rows[i].change);
        struct config *loaded = load(text);
        unsigned count = config_needs_restart(running, loaded, names);
        for (unsigned j = 0; j < count; j++) {
            strcat(strcat(keys, names[j]), " ");
        }
        assert_string_equal(keys, rows[i].keys);
        config_free(loaded);
    }
    config_free(running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_everything_given),
        cmocka_unit_test(test_example_has_the_defaults),
        cmocka_unit_test(test_example_has_every_key),
        cmocka_unit_test(test_acme_name),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_xdp_refusals),
        cmocka_unit_test(test_empty_sections),
        cmocka_unit_test(test_secrets_are_not_quoted),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_needs_restart),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
