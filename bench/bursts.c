#include "bench/bursts.h"

#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include "bench/population.h"
#include "dataplane/dns/constants.h"
#include "dataplane/usage.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

#define APEX "\4auth\7example\3org"

static void check(int rc)
{
    if (rc != 0) {
        fprintf(stderr, "cannot make the delegates: %s\n", txtd_error_text(rc));
        exit(1);
    }
}

/* --- What is served --- */

static void add_record(struct zone_set_builder *builder, uint16_t type, const char *rdata, size_t rdata_len)
{
    struct error_detail detail;
    const uint8_t *apex = (const uint8_t *)APEX;
    check(zone_set_builder_add_record(builder, apex, sizeof APEX, apex, sizeof APEX, type, 3600, (const uint8_t *)rdata,
                                      rdata_len, &detail));
}

static struct zone_set *make_zones(void)
{
    static const char soa[] = "\3ns1" APEX "\0"
                              "\12hostmaster" APEX "\0"
                              "\0\0\0\1\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\1";
    static const char ns[] = "\3ns1" APEX;
    struct error_detail detail;
    struct zone_set *zones = NULL;
    struct zone_set_builder *builder = zone_set_builder_new();
    const struct zone_options options = {.number = BURSTS_ZONE, .value_ttl_s = 1, .delegate_caa = true};
    check(builder == NULL ? TXTD_ENOMEM : 0);
    check(zone_set_builder_add_zone(builder, (const uint8_t *)APEX, sizeof APEX, &options));
    add_record(builder, DNS_TYPE_SOA, soa, sizeof soa - 1);
    add_record(builder, DNS_TYPE_NS, ns, sizeof ns);
    check(zone_set_builder_finish(builder, &zones, &detail));
    return zones;
}

static struct delegate_table *fill_table(uint64_t delegates)
{
    struct delegate_table *table = NULL;
    struct delegate_state *state = calloc(1, sizeof *state);
    check(state == NULL ? TXTD_ENOMEM : 0);
    state->zone = BURSTS_ZONE;
    state->values_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        state->values[i].len = BURSTS_VALUE_LEN;
        memset(state->values[i].text, 'a' + (int)i, BURSTS_VALUE_LEN);
    }
    check(delegate_table_new(0, &table));
    check(delegate_table_build_begin(table, delegates, 1));
    for (uint64_t i = 0; i < delegates; i++) {
        state->id = population_id(i);
        check(delegate_table_build_add(table, 0, state, 1));
    }
    check(delegate_table_build_end(table));
    free(state);
    return table;
}

void burst_service_begin(struct burst_service *service, uint64_t delegates)
{
    service->delegates = delegates;
    service->table = fill_table(delegates);
    service->responder = responder_new(service->table);
    check(service->responder == NULL ? TXTD_ENOMEM : 0);
    responder_publish_zones(service->responder, make_zones());
}

void burst_service_end(struct burst_service *service)
{
    responder_free(service->responder);
    delegate_table_free(service->table);
}

/* --- Asking --- */

struct burst_client *burst_client_new(const struct burst_service *service, uint64_t seed)
{
    struct burst_client *client = aligned_alloc(64, sizeof *client);
    check(client == NULL ? TXTD_ENOMEM : 0);
    memset(client, 0, sizeof *client);
    client->service = service;
    client->random = population_mix(seed);
    responder_add_worker(service->responder, &client->worker);
    check(client->worker.usage == NULL ? TXTD_ENOMEM : 0);
    return client;
}

/* Everything of the requests but their names: it lasts, because the next burst is written over the answers' ends only. */
static size_t write_request(uint8_t *wire, enum form form, const struct delegate_id *id)
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t positions[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    static const char head[2][14] = {"\22\64\1\0\0\1\0\0\0\0\0\0$", "\22\64\1\0\0\1\0\0\0\0\0\1$"};
    static const char tail[] = APEX "\0\0\20\0\1"
                                    "\0\0\51\4\320\0\0\200\0\0\0";
    size_t tail_len = sizeof tail - 1 - (form == FORM_EDNS ? 0 : DNS_OPT_LEN);
    memcpy(wire, head[form], DNS_HEADER_LEN + 1);
    uint8_t *label = wire + DNS_HEADER_LEN + 1;
    memset(label, '-', DELEGATE_ID_TEXT_LEN);
    for (unsigned i = 0; i < 16; i++) {
        label[positions[i]] = (uint8_t)digits[id->octets[i] >> 4];
        label[positions[i] + 1] = (uint8_t)digits[id->octets[i] & 15];
    }
    memcpy(label + DELEGATE_ID_TEXT_LEN, tail, tail_len);
    return DNS_HEADER_LEN + 1 + DELEGATE_ID_TEXT_LEN + tail_len;
}

static void make_burst(struct burst_client *client, enum asked asked, enum form form)
{
    static const struct sockaddr_in address = {.sin_family = AF_INET};
    const uint64_t delegates = client->service->delegates;
    for (unsigned i = 0; i < BURST; i++) {
        client->random += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t number = (uint64_t)(((unsigned __int128)population_mix(client->random) * delegates) >> 64);
        bool miss = asked == ASKED_MISS || (asked == ASKED_MIXED && (client->random & 1) != 0);
        struct delegate_id id = population_id(number + (miss ? delegates : 0));
        client->packets[i] = (struct packet){.wire = client->wires[i],
                                             .len = (uint16_t)write_request(client->wires[i], form, &id),
                                             .capacity = sizeof client->wires[i] - 64,
                                             .transport = TRANSPORT_UDP,
                                             .client = (const struct sockaddr *)&address};
    }
}

uint64_t burst_client_ask(struct burst_client *client, enum asked asked, enum form form, uint64_t queries,
                          burst_respond *respond)
{
    const struct respond_clock clock = {.wall_s = 1700000000, .mono_ms = 1};
    uint64_t octets = 0;
    for (uint64_t done = 0; done + BURST <= queries; done += BURST) {
        make_burst(client, asked, form);
        if (respond != NULL) {
            respond(client->service->responder, &client->worker, &clock, client->packets, BURST);
            struct usage_ring *ring = client->worker.usage; /* as if somebody had read it */
            __atomic_store_n(&ring->head, ring->tail, __ATOMIC_RELEASE);
            client->asked += BURST;
        }
        urcu_qsbr_quiescent_state();
        for (unsigned i = 0; i < BURST; i++) {
            octets += client->packets[i].len;
        }
    }
    return octets;
}

void burst_client_check(const struct burst_client *client)
{
    const struct respond_counters *counters = &client->worker.counters;
    uint64_t answered = counters->answers_txt + counters->rcode[DNS_RCODE_NXDOMAIN];
    if (answered != client->asked || counters->answers_txt < client->asked / 3) {
        fprintf(stderr, "wrong answers\n");
        exit(1);
    }
}

bool burst_case_read(const char *text, enum asked *asked, enum form *form)
{
    static const char *const names[] = {"hit", "hit-edns", "miss", "miss-edns", "mixed", "mixed-edns"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            *asked = (enum asked)(i / FORM_COUNT);
            *form = (enum form)(i % FORM_COUNT);
            return true;
        }
    }
    return false;
}

/* --- Clocks --- */

static uint64_t read_ns(clockid_t clock)
{
    struct timespec ts;
    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t burst_now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t burst_thread_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

double burst_median(double values[], unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        for (unsigned j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double swap = values[j];
            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    }
    return values[count / 2];
}

void burst_pin(unsigned cpu)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu % (unsigned)(cpus > 0 ? cpus : 1), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}
