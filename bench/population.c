#include "bench/population.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/respond.h"
#include "dataplane/zone/delegate_table.h"
#include "dataplane/zone/zone_set.h"

#define ZONE 1

static const uint8_t apex[] = "\4auth\7example";

static void check(int rc, const char *what)
{
    if (rc != 0) {
        fprintf(stderr, "cannot make the population: %s: %s\n", what, txtd_error_text(rc));
        exit(1);
    }
}

uint64_t population_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

struct delegate_id population_id(uint64_t number)
{
    uint64_t halves[2] = {population_mix(number + 1), population_mix(number + UINT64_C(0x9e3779b97f4a7c15))};
    struct delegate_id id;
    memcpy(id.octets, halves, sizeof id.octets);
    return id;
}

void population_print_names(uint64_t delegates, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        char text[DELEGATE_ID_TEXT_LEN + 1];
        struct delegate_id id = population_id(population_mix(i + 99) % delegates);
        delegate_id_format(&id, text);
        printf("%s.auth.example TXT\n", text);
    }
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
        state.id = population_id(i);
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

struct responder *population_new(uint64_t delegates, struct delegate_table **table)
{
    *table = fill_table(delegates);
    struct responder *responder = responder_new(*table);
    check(responder == NULL ? TXTD_ENOMEM : 0, "responder");
    responder_publish_zones(responder, make_zones());
    return responder;
}

void population_free(struct responder *responder, struct delegate_table *table)
{
    responder_free(responder);
    delegate_table_free(table);
}
