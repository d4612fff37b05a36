/* respond_burst over the zones and delegates of a small service; the whole table of inputs is in tests/conformance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/dns/name.h"
#include "dataplane/guard/rrl.h"
#include "dataplane/respond.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

#define APEX      "\4auth\7example\3org"
#define CHILD     "\3sub\4auth\7example\3org"
#define UUID_LIVE "0a1b2c3d-0000-4000-8000-00000000000a"
#define UUID_IDLE "0a1b2c3d-0000-4000-8000-00000000000b"
#define VALUE_1   "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo"
#define VALUE_2   "n5hJh7MAXpVvxOC8dhtjIzAh3zqAbAzGQ1JjVdrDv4c"

struct fixture {
    struct delegate_table *table;
    struct responder *responder;
    struct respond_worker worker;
};

static void add_delegate(struct fixture *fixture, const char *uuid, const char *values[], unsigned count)
{
    struct delegate_state state = {.zone = 7, .version = 1, .values_count = (uint8_t)count};
    assert_int_equal(delegate_id_parse(uuid, 36, &state.id), 0);
    for (unsigned i = 0; i < count; i++) {
        state.values[i].len = (uint8_t)strlen(values[i]);
        memcpy(state.values[i].text, values[i], state.values[i].len);
    }
    assert_int_equal(delegate_table_apply(fixture->table, &state, 1), 0);
}

#define NAME(text) (const uint8_t *)(text), sizeof(text)
#define ADD(builder, apex, owner, type, rdata)                                                                         \
    assert_int_equal(zone_set_builder_add_record(builder, NAME(apex), NAME(owner), type, 3600,                         \
                                                 (const uint8_t *)(rdata), sizeof(rdata) - 1, &detail),                \
                     0)

static struct zone_set *make_zones(void)
{
    struct error_detail detail;
    struct zone_set_builder *builder = zone_set_builder_new();
    struct zone_options options = {.number = 7, .value_ttl_s = 1, .delegate_caa = true};
    struct zone_options child = {.number = 8, .value_ttl_s = 1, .delegate_mail_hardening = true};
    assert_int_equal(zone_set_builder_add_zone(builder, NAME(APEX), &options), 0);
    assert_int_equal(zone_set_builder_add_zone(builder, NAME(CHILD), &child), 0);
#define SOA_RDATA                                                                                                      \
    "\0\0"                                                                                                             \
    "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\5"
    ADD(builder, APEX, APEX, DNS_TYPE_SOA, SOA_RDATA);
    ADD(builder, APEX, APEX, DNS_TYPE_NS, "\3ns1" APEX "\0");
    ADD(builder, APEX, "\3ns1" APEX, DNS_TYPE_A, "\300\0\2\1");
    ADD(builder, APEX, "\1a\1b" APEX, DNS_TYPE_A, "\300\0\2\2");
    ADD(builder, APEX, "\5alias" APEX, DNS_TYPE_CNAME, "\1a\1b" APEX "\0");
    ADD(builder, APEX, "\2to" APEX, DNS_TYPE_CNAME, "\44" UUID_LIVE APEX "\0");
    ADD(builder, APEX, "\4loop" APEX, DNS_TYPE_CNAME, "\4loop" APEX "\0");
    ADD(builder, CHILD, CHILD, DNS_TYPE_SOA, SOA_RDATA);
    ADD(builder, CHILD, CHILD, DNS_TYPE_NS, "\3ns1" APEX "\0");
    struct zone_set *zones = NULL;
    assert_int_equal(zone_set_builder_finish(builder, &zones, &detail), 0);
    return zones;
}

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    assert_int_equal(delegate_table_new(0, &fixture.table), 0);
    fixture.responder = responder_new(fixture.table);
    assert_non_null(fixture.responder);
    const char *values[] = {VALUE_1, VALUE_2};
    add_delegate(&fixture, UUID_LIVE, values, 2);
    add_delegate(&fixture, UUID_IDLE, values, 0);
    responder_publish_zones(fixture.responder, make_zones());
    struct respond_settings settings = {.identity = "node-1", .cookie_secrets_count = 1};
    assert_int_equal(responder_publish_settings(fixture.responder, &settings), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    responder_free(fixture->responder);
    delegate_table_free(fixture->table);
    return 0;
}

/* --- One question and its answer --- */

struct reply {
    uint8_t wire[65535];
    size_t len;
    unsigned rcode, counts[4];
    bool aa, tc;
};

static size_t make_query(uint8_t *wire, const char *name, size_t name_len, uint16_t type, uint16_t class)
{
    struct wire_writer writer = writer_at(wire, 600, 0);
    write_octets(&writer, "\x12\x34\x01\x00\0\1\0\0\0\0\0\0", 12);
    write_octets(&writer, name, name_len);
    write_u16(&writer, type);
    write_u16(&writer, class);
    return writer.at;
}

static void respond(struct fixture *fixture, struct reply *reply, size_t query_len, enum transport transport)
{
    struct sockaddr_in client = {.sin_family = AF_INET};
    struct packet packet = {.wire = reply->wire,
                            .len = (uint16_t)query_len,
                            .capacity = transport == TRANSPORT_TCP ? 65535 : 1232,
                            .transport = (uint8_t)transport,
                            .client = (const struct sockaddr *)&client};
    const struct respond_clock now = {.wall_s = 1700000000, .mono_ms = 1};
    urcu_qsbr_register_thread();
    respond_burst(fixture->responder, &fixture->worker, &now, &packet, 1);
    urcu_qsbr_unregister_thread();
    reply->len = packet.len;
    struct wire_reader reader = reader_at(reply->wire, reply->len, 4);
    for (unsigned i = 0; i < 4; i++) {
        reply->counts[i] = read_u16(&reader);
    }
    reply->rcode = reply->wire[3] & 15;
    reply->aa = reply->wire[2] & DNS_FLAG_AA;
    reply->tc = reply->wire[2] & DNS_FLAG_TC;
}

#define ASK(name, type) ask(*state, NAME(name), type)
static struct reply *ask(struct fixture *fixture, const uint8_t *name, size_t name_len, uint16_t type)
{
    static struct reply reply;
    size_t len = make_query(reply.wire, (const char *)name, name_len, type, DNS_CLASS_IN);
    respond(fixture, &reply, len, TRANSPORT_UDP);
    assert_true(reply.len >= DNS_HEADER_LEN);
    assert_int_equal(reply.wire[0] << 8 | reply.wire[1], 0x1234);
    assert_int_equal(reply.counts[0], 1);
    return &reply;
}

static bool contains(const struct reply *reply, const char *text)
{
    return memmem(reply->wire, reply->len, text, strlen(text)) != NULL;
}

static void expect(const struct reply *reply, unsigned rcode, unsigned answers, unsigned authorities)
{
    assert_int_equal(reply->rcode, rcode);
    assert_int_equal(reply->counts[1], answers);
    assert_int_equal(reply->counts[2], authorities);
}

static void serves_both_values(void **state)
{
    const struct reply *reply = ASK("\44"
                                    "0A1b2c3d-0000-4000-8000-00000000000A"
                                    "\4AUTH\7example\3org",
                                    DNS_TYPE_TXT);
    expect(reply, DNS_RCODE_NOERROR, 2, 0);
    assert_true(reply->aa);
    assert_true(contains(reply, VALUE_1));
    assert_true(contains(reply, VALUE_2));
    assert_true(contains(reply, "0A1b2c3d")); /* the case of the question */
}

static void nodata_is_not_nxdomain(void **state)
{
    expect(ASK("\44" UUID_IDLE APEX, DNS_TYPE_TXT), DNS_RCODE_NOERROR, 0, 1);
    expect(ASK("\44" UUID_LIVE APEX, DNS_TYPE_A), DNS_RCODE_NOERROR, 0, 1);
    expect(ASK("\1b" APEX, DNS_TYPE_A), DNS_RCODE_NOERROR, 0, 1); /* empty non-terminal */
    expect(ASK(CHILD, DNS_TYPE_DS), DNS_RCODE_NOERROR, 0, 1);
    expect(ASK("\44"
               "0a1b2c3d-0000-4000-8000-0000000000ff" APEX,
               DNS_TYPE_TXT),
           DNS_RCODE_NXDOMAIN, 0, 1);
    expect(ASK("\44" UUID_LIVE CHILD, DNS_TYPE_TXT), DNS_RCODE_NXDOMAIN, 0, 1); /* registered in the other zone */
    expect(ASK("\1x\44" UUID_LIVE APEX, DNS_TYPE_TXT), DNS_RCODE_NXDOMAIN, 0, 1);
    expect(ASK("\1x\3ns1" APEX, DNS_TYPE_A), DNS_RCODE_NXDOMAIN, 0, 1);
}

static void follows_cnames(void **state)
{
    expect(ASK("\5alias" APEX, DNS_TYPE_A), DNS_RCODE_NOERROR, 2, 0);
    expect(ASK("\5alias" APEX, DNS_TYPE_CNAME), DNS_RCODE_NOERROR, 1, 0);
    expect(ASK("\5alias" APEX, DNS_TYPE_MX), DNS_RCODE_NOERROR, 1, 1);
    expect(ASK("\2to" APEX, DNS_TYPE_TXT), DNS_RCODE_NOERROR, 3, 0);
    const struct reply *looping = ASK("\4loop" APEX, DNS_TYPE_TXT);
    assert_int_equal(looping->rcode, DNS_RCODE_NOERROR);
    assert_int_equal(looping->counts[1], 1); /* no record twice */
}

static void knows_its_zones(void **state)
{
    expect(ASK(APEX, DNS_TYPE_SOA), DNS_RCODE_NOERROR, 1, 0);
    const struct reply *ns = ASK(APEX, DNS_TYPE_NS);
    expect(ns, DNS_RCODE_NOERROR, 1, 0);
    assert_int_equal(ns->counts[3], 1); /* glue */
    expect(ASK("\7example\3org", DNS_TYPE_SOA), DNS_RCODE_REFUSED, 0, 0);
    expect(ASK("", DNS_TYPE_NS), DNS_RCODE_REFUSED, 0, 0);
    expect(ASK(APEX, DNS_TYPE_AXFR), DNS_RCODE_REFUSED, 0, 0);
    expect(ASK("\44" UUID_LIVE APEX, DNS_TYPE_CAA), DNS_RCODE_NOERROR, 1, 0);
    expect(ASK("\44" UUID_LIVE APEX, DNS_TYPE_ANY), DNS_RCODE_NOERROR, 2, 0);
}

/* Queries are counted by type, and what is not answered by the reason. */
static void counts_types_and_drops(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint16_t type;
        enum respond_qtype counter;
    } types[] = {{DNS_TYPE_TXT, RESPOND_QTYPE_TXT},     {DNS_TYPE_A, RESPOND_QTYPE_A},
                 {DNS_TYPE_AAAA, RESPOND_QTYPE_AAAA},   {DNS_TYPE_CAA, RESPOND_QTYPE_CAA},
                 {DNS_TYPE_NS, RESPOND_QTYPE_NS},       {DNS_TYPE_SOA, RESPOND_QTYPE_SOA},
                 {DNS_TYPE_DS, RESPOND_QTYPE_DS},       {DNS_TYPE_DNSKEY, RESPOND_QTYPE_DNSKEY},
                 {DNS_TYPE_HTTPS, RESPOND_QTYPE_HTTPS}, {DNS_TYPE_ANY, RESPOND_QTYPE_ANY},
                 {DNS_TYPE_MX, RESPOND_QTYPE_OTHER},    {666, RESPOND_QTYPE_OTHER}};
    struct respond_counters *counters = &fixture->worker.counters;
    memset(counters, 0, sizeof *counters);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        (void)ASK(APEX, types[i].type);
        (void)ASK("\44" UUID_LIVE APEX, types[i].type);
        assert_int_equal(counters->qtype[types[i].counter], types[i].type == 666 ? 4 : 2); /* after MX */
    }
    assert_int_equal(counters->queries[TRANSPORT_UDP], 2 * sizeof types / sizeof types[0]);

    static struct reply reply;
    memset(counters, 0, sizeof *counters);
    (void)make_query(reply.wire, APEX, sizeof APEX, DNS_TYPE_TXT, DNS_CLASS_IN);
    respond(fixture, &reply, DNS_HEADER_LEN - 1, TRANSPORT_UDP); /* no header */
    reply.wire[2] = DNS_FLAG_QR;
    respond(fixture, &reply, DNS_HEADER_LEN, TRANSPORT_UDP); /* no query */
    assert_int_equal(counters->dropped[RESPOND_DROP_INVALID], 2);
    size_t len = make_query(reply.wire, APEX, sizeof APEX, DNS_TYPE_TXT, DNS_CLASS_IN);
    respond(fixture, &reply, len - 1, TRANSPORT_UDP); /* no type: FORMERR */
    assert_int_equal(counters->qtype[RESPOND_QTYPE_OTHER], 1);
    assert_int_equal(counters->queries[TRANSPORT_UDP], 3);

    const struct rrl_settings settings = {.other_per_s = 1, .positive_per_s = 1, .table_entries = 1024};
    assert_int_equal(rrl_new(&settings, &fixture->worker.rrl), 0);
    for (unsigned i = 0; i < 8; i++) {
        len = make_query(reply.wire, APEX, sizeof APEX, DNS_TYPE_TXT, DNS_CLASS_IN);
        respond(fixture, &reply, len, TRANSPORT_UDP);
    }
    rrl_free(fixture->worker.rrl);
    fixture->worker.rrl = NULL;
    assert_true(counters->dropped[RESPOND_DROP_RATE_LIMIT] > 0);
    assert_int_equal(counters->dropped[RESPOND_DROP_RATE_LIMIT], counters->rate_limited);
    assert_int_equal(counters->dropped[RESPOND_DROP_INVALID], 2);
    assert_int_equal(counters->qtype[RESPOND_QTYPE_TXT], 8);
}

/* Every prefix of a query, and every bit of it flipped, gets an answer or a drop, never more than 512 octets. */
static void survives_malformed_queries(void **state)
{
    static struct reply reply;
    uint8_t query[600];
    size_t len = make_query(query, "\44" UUID_LIVE APEX, sizeof("\44" UUID_LIVE APEX), DNS_TYPE_TXT, DNS_CLASS_IN);
    for (size_t cut = 0; cut < len; cut++) {
        memcpy(reply.wire, query, cut);
        respond(*state, &reply, cut, TRANSPORT_UDP);
        assert_int_equal(reply.len, cut < DNS_HEADER_LEN ? 0 : DNS_HEADER_LEN);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(reply.wire, query, len);
        reply.wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
        respond(*state, &reply, len, TRANSPORT_UDP);
        assert_true(reply.len <= 512);
        assert_true(reply.len == 0 || (reply.wire[2] & DNS_FLAG_QR));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serves_both_values, setup, teardown),
        cmocka_unit_test_setup_teardown(nodata_is_not_nxdomain, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_cnames, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_its_zones, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_types_and_drops, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_malformed_queries, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
