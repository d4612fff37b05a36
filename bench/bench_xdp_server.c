/* bench_xdp_server.c: txtd's dataplane over AF_XDP without the rest of txtd, to be measured against bench_xdp_floor.
 *
 *     bench_xdp_server names DELEGATES COUNT     prints COUNT random names of delegates, as dnsperf reads them
 *     bench_xdp_server INTERFACE DELEGATES       serves them, two values each, on port 53 until SIGTERM or SIGINT
 *
 * No rate limiting. At the end it prints what it answered, and whether every frame is accounted for. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/io/xdp.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

#define ZONE 1

static const uint8_t apex[] = "\4auth\7example";
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void check(int rc, const char *what)
{
    if (rc != 0) {
        fprintf(stderr, "bench_xdp_server: %s: %s\n", what, txtd_error_text(rc));
        exit(1);
    }
}

static uint64_t mix(uint64_t x) /* splitmix64's finaliser */
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct delegate_id id_of(uint64_t number)
{
    uint64_t halves[2] = {mix(number + 1), mix(number + UINT64_C(0x9e3779b97f4a7c15))};
    struct delegate_id id;
    memcpy(id.octets, halves, sizeof id.octets);
    return id;
}

static int print_names(uint64_t delegates, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        char text[DELEGATE_ID_TEXT_LEN + 1];
        struct delegate_id id = id_of(mix(i + 99) % delegates);
        delegate_id_format(&id, text);
        printf("%s.auth.example TXT\n", text);
    }
    return 0;
}

static struct delegate_table *fill_table(uint64_t delegates)
{
    struct delegate_table *table = NULL;
    static struct delegate_state state = {.zone = ZONE, .values_count = 2};
    for (unsigned i = 0; i < 2; i++) {
        state.values[i].len = 43;
        memset(state.values[i].text, 'a' + (int)i, 43);
    }
    check(delegate_table_new(0, &table), "table");
    check(delegate_table_build_begin(table, delegates, 1), "table");
    for (uint64_t i = 0; i < delegates; i++) {
        state.id = id_of(i);
        check(delegate_table_build_add(table, 0, &state, 1), "table");
    }
    check(delegate_table_build_end(table), "table");
    return table;
}

static struct zone_set *make_zones(void)
{
    static const uint8_t soa[] = "\2ns\4auth\7example\0\4root\4auth\7example\0"
                                 "\0\0\0\1\0\0\16\20\0\0\2\130\0\1\121\200\0\0\0\1";
    static const uint8_t ns[] = "\2ns\4auth\7example";
    const struct zone_options options = {.number = ZONE, .value_ttl_s = 1, .delegate_caa = true};
    struct zone_set_builder *builder = zone_set_builder_new();
    struct zone_set *zones = NULL;
    struct error_detail detail = {""};
    check(builder == NULL ? TXTD_ENOMEM : 0, "zones");
    check(zone_set_builder_add_zone(builder, apex, sizeof apex, &options), "zone");
    check(
        zone_set_builder_add_record(builder, apex, sizeof apex, apex, sizeof apex, 6, 1, soa, sizeof soa - 1, &detail),
        "SOA");
    check(zone_set_builder_add_record(builder, apex, sizeof apex, apex, sizeof apex, 2, 1, ns, sizeof ns, &detail),
          "NS");
    check(zone_set_builder_finish(builder, &zones, &detail), "zones");
    return zones;
}

static int serve(const char *interface, uint64_t delegates)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(53)};
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    struct dns_address addresses[2] = {{.address_len = sizeof any}, {.address_len = sizeof any6}};
    memcpy(&addresses[0].address, &any, sizeof any);
    memcpy(&addresses[1].address, &any6, sizeof any6);
    struct xdp_settings settings = {.addresses = addresses, .addresses_count = 2};
    (void)snprintf(settings.interface, sizeof settings.interface, "%s", interface);

    struct delegate_table *table = fill_table(delegates);
    struct responder *responder = responder_new(table);
    check(responder == NULL ? TXTD_ENOMEM : 0, "responder");
    responder_publish_zones(responder, make_zones());
    struct xdp_server *server = NULL;
    struct error_detail detail = {""};
    if (xdp_bind(&settings, responder, &server, &detail) != 0 || xdp_start(server, &detail) != 0) {
        fprintf(stderr, "bench_xdp_server: %s\n", detail.text);
        return 1;
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    printf("ready\n");
    (void)fflush(stdout);
    while (!stop) {
        (void)usleep(50000);
    }
    xdp_stop(server);
    struct respond_counters respond;
    struct xdp_counters xdp;
    xdp_counters(server, &respond, &xdp);
    printf("answered %" PRIu64 ", %" PRIu64 " with TXT; dropped by the kernel %" PRIu64 ", by a full send ring %" PRIu64
           "; frames %" PRIu64 " = %" PRIu64 " free + %" PRIu64 " fill, %" PRIu64 " misowned\n",
           xdp.sent, respond.answers_txt, xdp.kernel_dropped, xdp.send_full, xdp.frames, xdp.frames_free,
           xdp.frames_fill, xdp.frames_misowned);
    xdp_free(server);
    responder_free(responder);
    delegate_table_free(table);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "names") == 0) {
        return print_names(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    }
    if (argc == 3) {
        return serve(argv[1], strtoull(argv[2], NULL, 10));
    }
    fprintf(stderr, "usage: bench_xdp_server INTERFACE DELEGATES | names DELEGATES COUNT\n");
    return 2;
}
