/* Every kind of answer over AF_XDP equals the one over the kernel's UDP, octet for octet.
 *
 * One responder, one client socket; the kernel's workers and the XDP workers both serve. While the XDP gate is shut the
 * kernel answers, then XDP does; the account of frames proves which. The clock stands, for cookies tell the time and rate limits
 * go by it. Skipped without the privileges for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "dataplane/dns/constants.h"
#include "dataplane/dns/cookie.h"
#include "dataplane/dns/cursor.h"
#include "dataplane/io/server.h"
#include "dataplane/io/xdp.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"
#include "tests/unit/dataplane/io/xdp_scene.h"
#include "xdp_skip.h"

#define PORT       5300
#define ANSWER_MAX 2048
#define QUERY_MAX  1500
#define NOW_S      1700000000
#define LIMIT      3 /* answers a second */
#define APEX       "\4auth\7example"
#define LIVE                                                                                                           \
    "\44"                                                                                                              \
    "11111111-1111-1111-1111-111111111111"
#define LIVE_MIXED                                                                                                     \
    "\44"                                                                                                              \
    "AAAAaaaa-1111-1111-1111-111111111111"
#define IDLE                                                                                                           \
    "\44"                                                                                                              \
    "22222222-2222-2222-2222-222222222222"
#define LARGE                                                                                                          \
    "\44"                                                                                                              \
    "33333333-3333-3333-3333-333333333333"
#define LASTING                                                                                                        \
    "\44"                                                                                                              \
    "55555555-5555-5555-5555-555555555555"
#define ABSENT                                                                                                         \
    "\44"                                                                                                              \
    "44444444-4444-4444-4444-444444444444"

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE) { /* io/clock.h */
        *now = (struct timespec){.tv_sec = NOW_S};
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, clock, now);
}

enum cookie { COOKIE_NONE, COOKIE_CLIENT, COOKIE_YOUNG, COOKIE_OLD, COOKIE_FORGED };

/* One query, without its ID. `opt` is the record that follows the question, if neither a cookie nor padding is wanted. */
struct query_case {
    const char *what;
    uint16_t flags;
    const char *name;
    size_t name_len; /* with the root's octet */
    uint16_t type;
    uint16_t class;
    const char *opt;
    size_t opt_len;
    size_t cut;         /* octets left out at the end */
    unsigned rcode;     /* expected, without its upper bits */
    int more_questions; /* than one */
    enum cookie cookie; /* to be sent */
    size_t padding;     /* octets of it (RFC 7830) */
};

#define NAME(text)                            text, sizeof(text)
#define OPT(octets)                           octets, sizeof(octets) - 1
#define NO_OPT                                "", 0
#define EDNS(size, version, do_flag, options) "\0\0\51" size "\0" version do_flag "\0" options

static const struct query_case cases[] = {
    {"TXT of a delegate", 0x0100, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"TXT, 0x20 case", 0x0100, NAME(LIVE_MIXED "\4aUtH\7eXaMpLe"), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT,
     .rcode = DNS_RCODE_NOERROR},
    {"TXT with EDNS", 0x0000, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\200", "\0\0")),
     .rcode = DNS_RCODE_NOERROR},
    {"TXT that does not fit 512", 0, NAME(LARGE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"TXT that does not fit 1232", 0, NAME(LARGE APEX), DNS_TYPE_TXT, DNS_CLASS_IN,
     OPT(EDNS("\20\0", "\0", "\0", "\0\0")), .rcode = DNS_RCODE_NOERROR},
    {"TXT without values", 0, NAME(IDLE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"CAA of a delegate", 0, NAME(LIVE APEX), 257, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"A of a delegate", 0, NAME(LIVE APEX), DNS_TYPE_A, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"ANY of a delegate", 0, NAME(LIVE APEX), 255, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"no such delegate", 0, NAME(ABSENT APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NXDOMAIN},
    {"below a delegate", 0, NAME("\1x" LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NXDOMAIN},
    {"SOA", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"NS with glue", 0, NAME(APEX), DNS_TYPE_NS, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"TYPE666", 0, NAME(APEX), 666, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"not our zone", 0, NAME("\7example"), DNS_TYPE_TXT, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\0", "\0\0")),
     .rcode = DNS_RCODE_REFUSED},
    {"AXFR", 0, NAME(APEX), 252, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_REFUSED},
    {"id.server", 0, NAME("\2id\6server"), DNS_TYPE_TXT, DNS_CLASS_CH, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"NSID", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\0", "\0\4\0\3\0\0")),
     .rcode = DNS_RCODE_NOERROR},
    {"EDNS version 1", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, OPT(EDNS("\4\320", "\1", "\0", "\0\0")),
     .rcode = DNS_RCODE_NOERROR},
    {"bad cookie length", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN,
     OPT(EDNS("\4\320", "\0", "\0", "\0\7\0\12\0\3abc")), .rcode = DNS_RCODE_FORMERR},
    {"opcode 15", 0x7800, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOTIMP},
    {"NOTIFY", 0x2000, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOTIMP},
    {"a question that runs out", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, .cut = 3,
     .rcode = DNS_RCODE_FORMERR},
    {"DS of a delegate", 0, NAME(LIVE APEX), DNS_TYPE_DS, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"DS of the zone", 0, NAME(APEX), DNS_TYPE_DS, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"a chain of CNAMEs", 0, NAME("\5first" APEX), DNS_TYPE_A, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"a CNAME out of the zone", 0, NAME("\3out" APEX), DNS_TYPE_A, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"an empty non-terminal", 0, NAME("\5empty" APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"MX of a delegate", 0, NAME(LIVE APEX), DNS_TYPE_MX, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"_dmarc of a delegate", 0, NAME("\6_dmarc" LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT,
     .rcode = DNS_RCODE_NOERROR},
    {"a persistent value", 0, NAME(LASTING APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR},
    {"NXNAME", 0, NAME(APEX), DNS_TYPE_NXNAME, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\0", "\0\0")),
     .rcode = DNS_RCODE_FORMERR},
    {"two questions", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_FORMERR,
     .more_questions = 1},
    {"TSIG", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, OPT("\0\0\372\0\377\0\0\0\0\0\0"), .rcode = DNS_RCODE_NOTAUTH},
    {"longer than 512", 0, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR,
     .padding = 1200},
    {"a client's cookie", 0, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR,
     .cookie = COOKIE_CLIENT},
    {"a valid cookie", 0, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR,
     .cookie = COOKIE_YOUNG},
    {"a cookie to be renewed", 0, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR,
     .cookie = COOKIE_OLD},
    {"a forged cookie", 0, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, .rcode = DNS_RCODE_NOERROR,
     .cookie = COOKIE_FORGED},
    {"a client's cookie alone", 0, NAME(""), 0, 0, NO_OPT, .rcode = DNS_RCODE_NOERROR, .more_questions = -1,
     .cookie = COOKIE_CLIENT},
    {"a valid cookie alone", 0, NAME(""), 0, 0, NO_OPT, .rcode = DNS_RCODE_NOERROR, .more_questions = -1,
     .cookie = COOKIE_YOUNG},
    {"a forged cookie alone", 0, NAME(""), 0, 0, NO_OPT, .rcode = DNS_RCODE_BADCOOKIE & 15, .more_questions = -1,
     .cookie = COOKIE_FORGED},
};
#define CASES (sizeof cases / sizeof cases[0])

struct scene {
    struct delegate_table *table;
    struct responder *responder;
    struct dns_server *server;
    struct xdp_server *xdp;
};

struct answer {
    uint8_t octets[ANSWER_MAX];
    ssize_t len;
};

static const uint8_t secret[COOKIE_SECRET_LEN] = "0123456789abcde";

static size_t make_cookie(uint8_t cookie[COOKIE_LEN], enum cookie kind, bool ipv6)
{
    static const uint8_t client_cookie[COOKIE_CLIENT_LEN] = "1234567";
    uint8_t address[16];
    memcpy(cookie, client_cookie, sizeof client_cookie);
    if (kind == COOKIE_CLIENT) {
        return COOKIE_CLIENT_LEN;
    }
    assert_int_equal(ipv6 ? inet_pton(AF_INET6, "fd77::2", address) : inet_pton(AF_INET, "10.77.0.2", address), 1);
    cookie_make(client_cookie, address, ipv6 ? 16 : 4, kind == COOKIE_OLD ? NOW_S - 2400 : NOW_S - 60, secret, cookie);
    cookie[COOKIE_LEN - 1] ^= kind == COOKIE_FORGED;
    return COOKIE_LEN;
}

/* An OPT record with one option. */
static void write_opt(struct wire_writer *writer, uint16_t code, const uint8_t *option, size_t len)
{
    write_octets(writer, "\0\0\51\4\320\0\0\0\0", 9);
    write_u16(writer, (uint16_t)(4 + len));
    write_u16(writer, code);
    write_u16(writer, (uint16_t)len);
    write_octets(writer, option, len);
}

static void write_additional(struct wire_writer *writer, const struct query_case *query, bool ipv6)
{
    static const uint8_t padding[QUERY_MAX];
    uint8_t cookie[COOKIE_LEN];
    if (query->cookie != COOKIE_NONE) {
        write_opt(writer, DNS_OPTION_COOKIE, cookie, make_cookie(cookie, query->cookie, ipv6));
    } else if (query->padding > 0) {
        write_opt(writer, 12, padding, query->padding);
    } else {
        write_octets(writer, query->opt, query->opt_len);
    }
}

static size_t make_query(uint8_t *octets, size_t capacity, const struct query_case *query, uint16_t id, bool ipv6)
{
    struct wire_writer writer = writer_at(octets, capacity, 0);
    write_u16(&writer, id);
    write_u16(&writer, query->flags);
    write_u16(&writer, (uint16_t)(1 + query->more_questions));
    write_u16(&writer, 0);
    write_u16(&writer, 0);
    write_u16(&writer, query->opt_len > 0 || query->cookie != COOKIE_NONE || query->padding > 0);
    for (int i = 0; i < 1 + query->more_questions; i++) {
        write_octets(&writer, query->name, query->name_len);
        write_u16(&writer, query->type);
        write_u16(&writer, query->class);
    }
    write_additional(&writer, query, ipv6);
    assert_true(writer_ok(&writer));
    return writer.at - query->cut;
}

static unsigned asked_again; /* queries that had to be sent once more */

static void ask(int fd, bool ipv6, const struct query_case *query, uint16_t id, struct answer *answer)
{
    uint8_t octets[QUERY_MAX];
    size_t len = make_query(octets, sizeof octets, query, id, ipv6);
    answer->len = -1;
    for (unsigned attempt = 0; attempt < 3 && answer->len < 0; attempt++) {
        asked_again += attempt > 0;
        assert_int_equal(send(fd, octets, len, 0), len);
        do { /* one that was asked twice may be answered twice */
            answer->len = recv(fd, answer->octets, sizeof answer->octets, 0);
        } while (answer->len >= 2 && memcmp(answer->octets, octets, 2) != 0);
    }
    if (answer->len < 0) {
        fail_msg("no answer: %s", query->what);
    }
    assert_memory_equal(answer->octets, octets, 2);
}

/* Asks every case and keeps the answers. */
static void ask_all(bool ipv6, struct answer answers[CASES])
{
    int fd = connect_client(PORT, ipv6);
    for (size_t i = 0; i < CASES; i++) {
        ask(fd, ipv6, &cases[i], (uint16_t)(0x1200 + i), &answers[i]);
        if ((answers[i].octets[3] & 15) != (int)cases[i].rcode) {
            fail_msg("RCODE %d: %s", answers[i].octets[3] & 15, cases[i].what);
        }
    }
    (void)close(fd);
}

static void expect_equal(const char *what, const struct answer *kernel, const struct answer *xdp)
{
    if (kernel->len != xdp->len || memcmp(kernel->octets, xdp->octets, (size_t)xdp->len) != 0) {
        fail_msg("the answers differ: %s", what);
    }
}

static void answers_equal_the_kernels(void **state)
{
    struct scene *scene = *state;
    static struct answer kernel[2][CASES];
    static struct answer xdp[2][CASES];
    struct error_detail detail = {""};
    struct respond_counters respond;
    struct xdp_counters counters;

    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        ask_all(ipv6, kernel[ipv6]);
    }
    xdp_counters(scene->xdp, &respond, &counters);
    assert_int_equal(counters.received, 0);
    assert_int_equal(xdp_start(scene->xdp, &detail), 0);
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        ask_all(ipv6, xdp[ipv6]);
    }
    xdp_stop(scene->xdp);
    xdp_counters(scene->xdp, &respond, &counters);
    assert_in_range(counters.received, 2 * CASES, 2 * CASES + asked_again);
    assert_int_equal(counters.sent, counters.received);
    assert_int_equal(respond.queries[TRANSPORT_XDP], counters.received);

    unsigned truncated = 0;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        for (size_t i = 0; i < CASES; i++) {
            expect_equal(cases[i].what, &kernel[ipv6][i], &xdp[ipv6][i]);
            truncated += (xdp[ipv6][i].octets[2] & DNS_FLAG_TC) != 0;
        }
    }
    assert_true(xdp[0][0].octets[7] == 2); /* two records: the table was asked */
    assert_int_equal(truncated, 4);        /* the large RRset, by both sizes and both families */
    assert_in_range(respond.cookies_valid, 2 * 3, 2 * 3 + asked_again);
}

/* Above the limit each answer is a slip: empty, with TC. The limits are each worker's own, so both begin anew. */
static void limited_answers_equal_the_kernels(void **state)
{
    struct scene *scene = *state;
    static struct answer answers[2][2 * LIMIT];
    struct error_detail detail = {""};
    struct respond_counters respond;
    struct xdp_counters counters;
    for (unsigned by_xdp = 0; by_xdp < 2; by_xdp++) {
        if (by_xdp) {
            assert_int_equal(xdp_start(scene->xdp, &detail), 0);
        }
        int fd = connect_client(PORT, false);
        for (uint16_t i = 0; i < 2 * LIMIT; i++) {
            ask(fd, false, &cases[0], i, &answers[by_xdp][i]);
        }
        (void)close(fd);
    }
    xdp_stop(scene->xdp);
    xdp_counters(scene->xdp, &respond, &counters);
    assert_in_range(respond.queries[TRANSPORT_XDP], 2 * LIMIT, 2 * LIMIT + asked_again);
    assert_int_equal(respond.rate_limited, respond.queries[TRANSPORT_XDP] - LIMIT);
    for (unsigned i = 0; i < 2 * LIMIT; i++) {
        assert_int_equal((answers[1][i].octets[2] & DNS_FLAG_TC) != 0, i >= LIMIT);
        expect_equal("a limited answer", &answers[0][i], &answers[1][i]);
    }
}

static void add_delegate(struct delegate_table *table, const char *label, unsigned values)
{
    struct delegate_state state = {.zone = 1, .version = 1, .values_count = (uint8_t)values};
    assert_int_equal(delegate_id_parse(label + 1, DELEGATE_ID_TEXT_LEN, &state.id), 0);
    for (unsigned i = 0; i < values; i++) {
        state.values[i].len = values > 2 ? 200 : 43;
        memset(state.values[i].text, 'a' + (int)i, state.values[i].len);
    }
    assert_int_equal(delegate_table_apply(table, &state, 1), 0);
}

static void add_persistent(struct delegate_table *table, const char *label)
{
    struct delegate_state state = {.zone = 1, .version = 1};
    static const char value[] = "ca.example; accounturi=https://ca.example/acct/1";
    assert_int_equal(delegate_id_parse(label + 1, DELEGATE_ID_TEXT_LEN, &state.id), 0);
    assert_int_equal(delegate_persistent_add(&state, value, sizeof value - 1), 0);
    assert_int_equal(delegate_table_apply(table, &state, 1), 0);
}

#define ADD(builder, owner, type, rdata)                                                                               \
    assert_int_equal(zone_set_builder_add_record(builder, (const uint8_t *)APEX, sizeof APEX,                          \
                                                 (const uint8_t *)(owner), sizeof(owner), type, 60,                    \
                                                 (const uint8_t *)(rdata), sizeof(rdata) - 1, &detail),                \
                     0)

static struct zone_set *make_zones(void)
{
    struct error_detail detail = {""};
    struct zone_set *zones = NULL;
    const struct zone_options options = {
        .number = 1, .value_ttl_s = 1, .delegate_caa = true, .delegate_mail_hardening = true};
    struct zone_set_builder *builder = zone_set_builder_new();
    assert_non_null(builder);
    assert_int_equal(zone_set_builder_add_zone(builder, (const uint8_t *)APEX, sizeof APEX, &options), 0);
    ADD(builder, APEX, DNS_TYPE_SOA, "\3ns1" APEX "\0\4root" APEX "\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5");
    ADD(builder, APEX, DNS_TYPE_NS, "\3ns1" APEX "\0");
    ADD(builder, "\3ns1" APEX, DNS_TYPE_A, "\12\115\0\1");
    ADD(builder, "\5first" APEX, DNS_TYPE_CNAME, "\6second" APEX "\0");
    ADD(builder, "\6second" APEX, DNS_TYPE_CNAME, "\3ns1" APEX "\0");
    ADD(builder, "\3out" APEX, DNS_TYPE_CNAME, "\3ns1\7example\3org\0");
    ADD(builder, "\1x\5empty" APEX, DNS_TYPE_TXT, "\1x");
    assert_int_equal(zone_set_builder_finish(builder, &zones, &detail), 0);
    return zones;
}

static void start_servers(struct scene *scene, bool rrl)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    static struct dns_server_settings settings = {.addresses_count = 2, .workers = 1};
    settings.tcp.connections_max = 4;
    settings.tcp.connections_per_client_max = 4;
    settings.tcp.idle_ms = 1000;
    settings.tcp.send_ms = 1000;
    settings.tcp.output_max = 65536;
    memcpy(&settings.addresses[0].address, &any, sizeof any);
    memcpy(&settings.addresses[1].address, &any6, sizeof any6);
    settings.addresses[0].address_len = sizeof any;
    settings.addresses[1].address_len = sizeof any6;
    settings.rrl = rrl;
    settings.rrl_settings =
        (struct rrl_settings){.positive_per_s = LIMIT, .other_per_s = LIMIT, .slip = 1, .table_entries = 1024};
    const struct xdp_settings xdp = {.interface = "xs0",
                                     .addresses = settings.addresses,
                                     .addresses_count = 2,
                                     .rrl = rrl,
                                     .rrl_settings = settings.rrl_settings};
    struct error_detail detail = {""};
    if (dns_server_bind(&settings, scene->responder, &scene->server, &detail) != 0 ||
        dns_server_start(scene->server, &detail) != 0 || xdp_bind(&xdp, scene->responder, &scene->xdp, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
}

static int set_up_with(void **state, bool rrl)
{
    static struct scene scene;
    struct respond_settings settings = {.identity = "node-1", .version = "1", .cookie_secrets_count = 1};
    memcpy(settings.cookie_secrets[0], secret, sizeof secret);
    assert_int_equal(delegate_table_new(0, &scene.table), 0);
    add_delegate(scene.table, LIVE, 2);
    add_delegate(scene.table, LIVE_MIXED, 1);
    add_delegate(scene.table, IDLE, 0);
    add_delegate(scene.table, LARGE, 12);
    add_persistent(scene.table, LASTING);
    scene.responder = responder_new(scene.table);
    assert_non_null(scene.responder);
    responder_publish_zones(scene.responder, make_zones());
    assert_int_equal(responder_publish_settings(scene.responder, &settings), 0);
    make_pair(1);
    start_servers(&scene, rrl);
    *state = &scene;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, false);
}

static int set_up_limited(void **state)
{
    return set_up_with(state, true);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    xdp_free(scene->xdp);
    dns_server_stop(scene->server);
    dns_server_free(scene->server);
    responder_free(scene->responder);
    delegate_table_free(scene->table);
    drop_pair();
    return 0;
}

int main(void)
{
    if (!make_namespaces()) {
        return xdp_test_cannot_run("no network namespaces");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_equal_the_kernels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limited_answers_equal_the_kernels, set_up_limited, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
