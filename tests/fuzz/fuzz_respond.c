/* Any octets as a query, over the zones and delegates of a small service: no crash, and every answer keeps the rules.
 *
 * The first octet of the input chooses the transport and the settings; the rest is the query. The answer is judged by a walk
 * of its own, not by the reader that txtd uses.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/respond.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#define NAME(text) (const uint8_t *)(text), sizeof(text)
#define APEX       "\4auth\7example\3org"
#define CHILD      "\3sub\4auth\7example\3org"
#define UUID       "0a1b2c3d-0000-4000-8000-00000000000a"
#define SOA        "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\5"

static struct responder *responder;

static void add(struct zone_set_builder *builder, const uint8_t *apex, size_t apex_len, const uint8_t *owner,
                size_t owner_len, uint16_t type, const char *rdata, size_t rdata_len)
{
    REQUIRE(zone_set_builder_add_record(builder, apex, apex_len, owner, owner_len, type, 3600, (const uint8_t *)rdata,
                                        rdata_len, NULL) == 0);
}

static struct zone_set *make_zones(void)
{
    struct zone_set_builder *builder = zone_set_builder_new();
    const struct zone_options options = {.number = 1, .value_ttl_s = 1, .delegate_caa = true};
    const struct zone_options child = {.number = 2, .value_ttl_s = 1, .delegate_mail_hardening = true};
    REQUIRE(zone_set_builder_add_zone(builder, NAME(APEX), &options) == 0);
    REQUIRE(zone_set_builder_add_zone(builder, NAME(CHILD), &child) == 0);
    add(builder, NAME(APEX), NAME(APEX), 6, SOA, sizeof SOA - 1);
    add(builder, NAME(APEX), NAME(APEX), 2, "\3ns1" APEX, sizeof "\3ns1" APEX);
    add(builder, NAME(APEX), NAME("\3ns1" APEX), 1, "\300\0\2\1", 4);
    add(builder, NAME(APEX), NAME("\1a\1b" APEX), 1, "\300\0\2\2", 4);
    add(builder, NAME(APEX), NAME("\1c" APEX), 5, "\1a\1b" APEX, sizeof "\1a\1b" APEX);
    add(builder, NAME(APEX), NAME("\1d" APEX), 5, "\44" UUID APEX, sizeof "\44" UUID APEX);
    add(builder, NAME(APEX), NAME("\1l" APEX), 5, "\1l" APEX, sizeof "\1l" APEX);
    add(builder, NAME(CHILD), NAME(CHILD), 6, SOA, sizeof SOA - 1);
    add(builder, NAME(CHILD), NAME(CHILD), 2, "\3ns1" APEX, sizeof "\3ns1" APEX);
    struct zone_set *zones = NULL;
    REQUIRE(zone_set_builder_finish(builder, &zones, NULL) == 0);
    return zones;
}

static void add_delegate(struct delegate_table *table, uint16_t zone, unsigned values)
{
    struct delegate_state state = {.zone = zone, .version = 1, .values_count = (uint8_t)values};
    REQUIRE(delegate_id_parse(UUID, 36, &state.id) == 0);
    for (unsigned i = 0; i < values; i++) {
        state.values[i].len = (uint8_t)(i == 0 ? 43 : 255);
        memset(state.values[i].text, 'a' + (int)i, state.values[i].len);
    }
    REQUIRE(delegate_table_apply(table, &state, 1) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static struct delegate_table *table;
    REQUIRE(delegate_table_new(0, &table) == 0);
    add_delegate(table, 1, 2);
    add_delegate(table, 2, 16); /* more than fits into a datagram */
    responder = responder_new(table);
    responder_publish_zones(responder, make_zones());
    const struct respond_settings settings = {
        .identity = "node", .version = "1", .cookie_secrets_count = 2, .tcp_keepalive_100ms = 100};
    REQUIRE(responder_publish_settings(responder, &settings) == 0);
    urcu_qsbr_register_thread();
    return 0;
}

/* --- The judge --- */

static unsigned u16(const uint8_t *octets)
{
    return (unsigned)octets[0] << 8 | octets[1];
}

static size_t walk_name(const uint8_t *wire, size_t len, size_t at)
{
    for (;;) {
        REQUIRE(at < len);
        unsigned octet = wire[at];
        if (octet >= 0xc0) {
            REQUIRE(at + 1 < len);
            REQUIRE((u16(wire + at) & 0x3fff) < at); /* backwards */
            return at + 2;
        }
        REQUIRE(octet < 64);
        at += 1 + octet;
        if (octet == 0) {
            return at;
        }
    }
}

/* The end of the last record; the number of OPT records seen. */
static size_t walk_records(const uint8_t *wire, size_t len, size_t at, unsigned count, unsigned *opts)
{
    for (unsigned i = 0; i < count; i++) {
        at = walk_name(wire, len, at);
        REQUIRE(at + 10 <= len);
        unsigned type = u16(wire + at);
        *opts += type == 41;
        if (type == 41) {
            REQUIRE(wire[at + 5] == 0); /* version */
        }
        at += 10 + u16(wire + at + 8);
        REQUIRE(at <= len);
    }
    return at;
}

/* Whether the octets hold the type OPT anywhere: without it none may be in the answer. */
static bool may_have_opt(const uint8_t *query, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (query[i] == 0 && query[i + 1] == 41) {
            return true;
        }
    }
    return false;
}

static void judge(const uint8_t *query, size_t query_len, const uint8_t *answer, size_t len, bool tcp)
{
    REQUIRE(query_len >= 12 && (query[2] & 0x80) == 0);
    REQUIRE(len >= 12);
    REQUIRE(memcmp(query, answer, 2) == 0);
    REQUIRE((answer[2] & 0xf8) == (0x80 | (query[2] & 0x78)));
    REQUIRE((answer[3] & 0xf0) == 0); /* RA, Z, AD, CD */
    unsigned rcode = answer[3] & 15u;
    unsigned questions = u16(answer + 4);
    REQUIRE(questions <= 1);
    size_t at = 12;
    if (questions == 1) {
        at = walk_name(answer, len, at) + 4;
        REQUIRE(at <= len && at <= query_len && memcmp(query + 12, answer + 12, at - 12) == 0);
    } else {
        REQUIRE(rcode == 1 || rcode == 4 || u16(query + 4) == 0);
    }
    unsigned opts = 0;
    at = walk_records(answer, len, at, u16(answer + 6) + u16(answer + 8), &opts);
    REQUIRE(opts == 0);
    at = walk_records(answer, len, at, u16(answer + 10), &opts);
    REQUIRE(at == len);
    REQUIRE(opts <= 1 && (opts == 0 || may_have_opt(query + 12, query_len - 12)));
    REQUIRE(tcp || len <= (opts ? 1232 : 512));
    REQUIRE(!tcp || (answer[2] & 2) == 0 || len > 65000);
    if ((query[2] & 0x78) != 0) {
        REQUIRE(len == 12 && rcode == 4 && u16(answer + 10) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 4096) {
        return 0;
    }
    static struct respond_worker worker;
    bool tcp = (data[0] & 1) != 0;
    size_t capacity = tcp ? 65535 : 4096;
    uint8_t *wire = malloc(capacity); /* of the exact size, so that the sanitizer sees its end */
    REQUIRE(wire != NULL);
    memcpy(wire, data + 1, size - 1);
    struct sockaddr_in6 client = {.sin6_family = AF_INET6};
    struct packet packet = {.wire = wire,
                            .len = (uint16_t)(size - 1),
                            .capacity = (uint16_t)capacity,
                            .transport = tcp ? TRANSPORT_TCP : TRANSPORT_UDP,
                            .client = (const struct sockaddr *)&client};
    const struct respond_clock now = {.wall_s = 1700000000};
    respond_burst(responder, &worker, &now, &packet, 1);
    urcu_qsbr_quiescent_state();
    if (packet.len > 0) {
        judge(data + 1, size - 1, wire, packet.len, tcp);
    } else {
        REQUIRE(size - 1 < 12 || (data[3] & 0x80) != 0);
    }
    free(wire);
    return 0;
}
