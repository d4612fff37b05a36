/* bench_udp_server.c: txtd's dataplane on a kernel UDP socket without the rest of txtd, to be measured against bench_udp_floor.
 *
 *     bench_udp_server names DELEGATES COUNT     prints COUNT random names of delegates, as dnsperf reads them
 *     bench_udp_server PORT DELEGATES [rrl]      serves them on 127.0.0.1, one worker, until SIGTERM or SIGINT
 *
 * Rate limiting only with `rrl`, with limits that nobody reaches: what it costs to count. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/population.h"
#include "dataplane/io/gather.h"
#include "dataplane/io/server.h"

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int serve(uint16_t port, uint64_t delegates, bool rrl)
{
    struct dns_server_settings settings = {
        .addresses_count = 1,
        .workers = 1,
        .gather_us = GATHER_US_DEFAULT,
        .udp_receive_buffer = 4 << 20,
        .tcp = {.connections_max = 10,
                .connections_per_client_max = 10,
                .idle_ms = 1000,
                .send_ms = 1000,
                .output_max = 65536},
        .rrl = rrl,
        .rrl_settings = {.positive_per_s = 100000000, .other_per_s = 100000000, .slip = 2, .table_entries = 524288},
    };
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&settings.addresses[0].address, &address, sizeof address);
    settings.addresses[0].address_len = sizeof address;

    struct delegate_table *table = NULL;
    struct responder *responder = population_new(delegates, &table);
    struct dns_server *server = NULL;
    struct error_detail detail = {""};
    if (dns_server_bind(&settings, responder, &server, &detail) != 0 || dns_server_start(server, &detail) != 0) {
        fprintf(stderr, "bench_udp_server: %s\n", detail.text);
        return 1;
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    while (!stop) {
        (void)usleep(50000);
    }
    struct respond_counters respond;
    struct dns_tcp_counters tcp;
    dns_server_stop(server);
    dns_server_counters(server, &respond, &tcp);
    printf("%" PRIu64 " answers with TXT\n", respond.answers_txt);
    dns_server_free(server);
    population_free(responder, table);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "names") == 0) {
        population_print_names(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
        return 0;
    }
    if (argc == 3 || (argc == 4 && strcmp(argv[3], "rrl") == 0)) {
        return serve((uint16_t)strtoul(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), argc == 4);
    }
    fprintf(stderr, "usage: bench_udp_server PORT DELEGATES [rrl] | names DELEGATES COUNT\n");
    return 2;
}
