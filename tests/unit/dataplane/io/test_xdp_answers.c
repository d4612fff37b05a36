/* Every kind of answer over AF_XDP equals the one over the kernel's UDP, octet for octet.
 *
 * One responder, one client socket; the kernel's workers and the XDP workers both serve. While the XDP gate is shut the
 * kernel answers, then XDP does; the account of frames proves which. Skipped without the privileges for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "dataplane/dns/constants.h"
#include "dataplane/dns/cursor.h"
#include "dataplane/io/server.h"
#include "dataplane/io/xdp.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"
#include "tests/unit/dataplane/io/xdp_scene.h"
#include "xdp_skip.h"

#define PORT       5300
#define ANSWER_MAX 2048
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
#define ABSENT                                                                                                         \
    "\44"                                                                                                              \
    "44444444-4444-4444-4444-444444444444"

/* One query, without its ID. `opt` is what follows the question. */
struct query_case {
    const char *what;
    uint16_t flags;
    const char *name;
    size_t name_len; /* with the root's octet */
    uint16_t type;
    uint16_t class;
    const char *opt;
    size_t opt_len;
    size_t cut; /* octets left out at the end */
};

#define NAME(text)                            text, sizeof(text)
#define OPT(octets)                           octets, sizeof(octets) - 1
#define NO_OPT                                "", 0
#define EDNS(size, version, do_flag, options) "\0\0\51" size "\0" version do_flag "\0" options

static const struct query_case cases[] = {
    {"TXT of a delegate", 0x0100, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, 0},
    {"TXT, 0x20 case", 0x0100, NAME(LIVE_MIXED "\4aUtH\7eXaMpLe"), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, 0},
    {"TXT with EDNS", 0x0000, NAME(LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\200", "\0\0")),
     0},
    {"TXT that does not fit 512", 0, NAME(LARGE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, 0},
    {"TXT that does not fit 1232", 0, NAME(LARGE APEX), DNS_TYPE_TXT, DNS_CLASS_IN,
     OPT(EDNS("\20\0", "\0", "\0", "\0\0")), 0},
    {"TXT without values", 0, NAME(IDLE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, 0},
    {"CAA of a delegate", 0, NAME(LIVE APEX), 257, DNS_CLASS_IN, NO_OPT, 0},
    {"A of a delegate", 0, NAME(LIVE APEX), DNS_TYPE_A, DNS_CLASS_IN, NO_OPT, 0},
    {"ANY of a delegate", 0, NAME(LIVE APEX), 255, DNS_CLASS_IN, NO_OPT, 0},
    {"no such delegate", 0, NAME(ABSENT APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, 0},
    {"below a delegate", 0, NAME("\1x" LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN, NO_OPT, 0},
    {"SOA", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, 0},
    {"NS with glue", 0, NAME(APEX), DNS_TYPE_NS, DNS_CLASS_IN, NO_OPT, 0},
    {"TYPE666", 0, NAME(APEX), 666, DNS_CLASS_IN, NO_OPT, 0},
    {"not our zone", 0, NAME("\7example"), DNS_TYPE_TXT, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\0", "\0\0")), 0},
    {"AXFR", 0, NAME(APEX), 252, DNS_CLASS_IN, NO_OPT, 0},
    {"id.server", 0, NAME("\2id\6server"), DNS_TYPE_TXT, DNS_CLASS_CH, NO_OPT, 0},
    {"NSID", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, OPT(EDNS("\4\320", "\0", "\0", "\0\4\0\3\0\0")), 0},
    {"EDNS version 1", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, OPT(EDNS("\4\320", "\1", "\0", "\0\0")), 0},
    {"bad cookie length", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN,
     OPT(EDNS("\4\320", "\0", "\0", "\0\7\0\12\0\3abc")), 0},
    {"opcode 15", 0x7800, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, 0},
    {"NOTIFY", 0x2000, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, 0},
    {"a question that runs out", 0, NAME(APEX), DNS_TYPE_SOA, DNS_CLASS_IN, NO_OPT, 3},
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

static size_t make_query(uint8_t *octets, size_t capacity, const struct query_case *query, uint16_t id)
{
    struct wire_writer writer = writer_at(octets, capacity, 0);
    write_u16(&writer, id);
    write_u16(&writer, query->flags);
    write_u16(&writer, 1);
    write_u16(&writer, 0);
    write_u16(&writer, 0);
    write_u16(&writer, query->opt_len > 0);
    write_octets(&writer, query->name, query->name_len);
    write_u16(&writer, query->type);
    write_u16(&writer, query->class);
    write_octets(&writer, query->opt, query->opt_len);
    assert_true(writer_ok(&writer));
    return writer.at - query->cut;
}

/* Asks every case and keeps the answers. */
static void ask_all(bool ipv6, struct answer answers[CASES])
{
    int fd = connect_client(PORT, ipv6);
    for (size_t i = 0; i < CASES; i++) {
        uint8_t query[512];
        size_t len = make_query(query, sizeof query, &cases[i], (uint16_t)(0x1200 + i));
        answers[i].len = -1;
        for (unsigned attempt = 0; attempt < 3 && answers[i].len < 0; attempt++) {
            assert_int_equal(send(fd, query, len, 0), len);
            answers[i].len = recv(fd, answers[i].octets, sizeof answers[i].octets, 0);
        }
        if (answers[i].len < 0) {
            fail_msg("no answer: %s", cases[i].what);
        }
        assert_memory_equal(answers[i].octets, query, 2);
    }
    (void)close(fd);
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
    assert_int_equal(counters.received, 2 * CASES);
    assert_int_equal(counters.sent, 2 * CASES);
    assert_int_equal(respond.queries[TRANSPORT_XDP], 2 * CASES);

    unsigned truncated = 0;
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        for (size_t i = 0; i < CASES; i++) {
            if (kernel[ipv6][i].len != xdp[ipv6][i].len ||
                memcmp(kernel[ipv6][i].octets, xdp[ipv6][i].octets, (size_t)xdp[ipv6][i].len) != 0) {
                fail_msg("the answers differ: %s", cases[i].what);
            }
            truncated += (xdp[ipv6][i].octets[2] & DNS_FLAG_TC) != 0;
        }
    }
    assert_true(xdp[0][0].octets[7] == 2); /* two records: the table was asked */
    assert_int_equal(truncated, 4);        /* the large RRset, by both sizes and both families */
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

#define ADD(builder, owner, type, rdata)                                                                               \
    assert_int_equal(zone_set_builder_add_record(builder, (const uint8_t *)APEX, sizeof APEX,                          \
                                                 (const uint8_t *)(owner), sizeof(owner), type, 60,                    \
                                                 (const uint8_t *)(rdata), sizeof(rdata) - 1, &detail),                \
                     0)

static struct zone_set *make_zones(void)
{
    struct error_detail detail = {""};
    struct zone_set *zones = NULL;
    const struct zone_options options = {.number = 1, .value_ttl_s = 1, .delegate_caa = true};
    struct zone_set_builder *builder = zone_set_builder_new();
    assert_non_null(builder);
    assert_int_equal(zone_set_builder_add_zone(builder, (const uint8_t *)APEX, sizeof APEX, &options), 0);
    ADD(builder, APEX, DNS_TYPE_SOA, "\3ns1" APEX "\0\4root" APEX "\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5");
    ADD(builder, APEX, DNS_TYPE_NS, "\3ns1" APEX "\0");
    ADD(builder, "\3ns1" APEX, DNS_TYPE_A, "\12\115\0\1");
    assert_int_equal(zone_set_builder_finish(builder, &zones, &detail), 0);
    return zones;
}

static void start_servers(struct scene *scene)
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
    const struct xdp_settings xdp = {.interface = "xs0", .addresses = settings.addresses, .addresses_count = 2};
    struct error_detail detail = {""};
    if (dns_server_bind(&settings, scene->responder, &scene->server, &detail) != 0 ||
        dns_server_start(scene->server, &detail) != 0 || xdp_bind(&xdp, scene->responder, &scene->xdp, &detail) != 0) {
        fail_msg("%s", detail.text);
    }
}

static int set_up(void **state)
{
    static struct scene scene;
    const struct respond_settings settings = {.identity = "node-1", .version = "1"};
    assert_int_equal(delegate_table_new(0, &scene.table), 0);
    add_delegate(scene.table, LIVE, 2);
    add_delegate(scene.table, LIVE_MIXED, 1);
    add_delegate(scene.table, IDLE, 0);
    add_delegate(scene.table, LARGE, 12);
    scene.responder = responder_new(scene.table);
    assert_non_null(scene.responder);
    responder_publish_zones(scene.responder, make_zones());
    assert_int_equal(responder_publish_settings(scene.responder, &settings), 0);
    make_pair(1);
    start_servers(&scene);
    *state = &scene;
    return 0;
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
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(answers_equal_the_kernels, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
