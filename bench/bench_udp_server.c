/* bench_udp_server.c: txtd's dataplane on a kernel UDP socket without the rest of txtd, to be measured against bench_udp_floor.
 *
 *     bench_udp_server names DELEGATES COUNT     prints COUNT random names of delegates, as dnsperf reads them
 *     bench_udp_server [-a ADDRESS] [-w WORKERS] [-g MICROSECONDS] [-r] PORT DELEGATES
 *                                                serves them until SIGTERM or SIGINT
 *
 * On 127.0.0.1 with one worker; with -w as many, each pinned to a CPU of those that the program may run on. Queries gather as in
 * txtd, or as long as -g says, 0: not at all. Rate limiting only with -r, with limits that nobody reaches: what it costs to
 * count. */
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

struct options {
    struct sockaddr_in address;
    unsigned workers;
    unsigned gather_us;
    bool rrl;
    uint64_t delegates;
};

static int serve(const struct options *options)
{
    struct dns_server_settings settings = {
        .addresses_count = 1,
        .workers = options->workers,
        .pin = options->workers > 1,
        .gather_us = options->gather_us,
        .udp_receive_buffer = 4 << 20,
        .tcp = {.connections_max = 10,
                .connections_per_client_max = 10,
                .idle_ms = 1000,
                .send_ms = 1000,
                .output_max = 65536},
        .rrl = options->rrl,
        .rrl_settings = {.positive_per_s = 100000000, .other_per_s = 100000000, .slip = 2, .table_entries = 524288},
    };
    memcpy(&settings.addresses[0].address, &options->address, sizeof options->address);
    settings.addresses[0].address_len = sizeof options->address;

    struct delegate_table *table = NULL;
    struct responder *responder = population_new(options->delegates, &table);
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

static bool read_options(int argc, char **argv, struct options *options)
{
    bool fine = true;
    int option;
    while ((option = getopt(argc, argv, "a:w:g:r")) != -1) {
        switch (option) {
        case 'a': fine = fine && inet_pton(AF_INET, optarg, &options->address.sin_addr) == 1; break;
        case 'w': options->workers = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'g': options->gather_us = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'r': options->rrl = true; break;
        default: fine = false; break;
        }
    }
    if (!fine || optind != argc - 2 || options->workers == 0) {
        return false;
    }
    options->address.sin_port = htons((uint16_t)strtoul(argv[optind], NULL, 10));
    options->delegates = strtoull(argv[optind + 1], NULL, 10);
    return options->delegates > 0;
}

int main(int argc, char **argv)
{
    struct options options = {.address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                              .workers = 1,
                              .gather_us = GATHER_US_DEFAULT};
    if (argc == 4 && strcmp(argv[1], "names") == 0) {
        population_print_names(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
        return 0;
    }
    if (read_options(argc, argv, &options)) {
        return serve(&options);
    }
    fprintf(stderr, "usage: bench_udp_server [-a ADDRESS] [-w WORKERS] [-g MICROSECONDS] [-r] PORT DELEGATES | "
                    "names DELEGATES COUNT\n");
    return 2;
}
