/* bench_xdp_server.c: txtd's dataplane over AF_XDP without the rest of txtd, to be measured against bench_xdp_floor.
 *
 *     bench_xdp_server names DELEGATES COUNT     prints COUNT random names of delegates, as dnsperf reads them
 *     bench_xdp_server [-g MICROSECONDS] INTERFACE DELEGATES
 *                                                serves them, two values each, on port 53 until SIGTERM or SIGINT
 *
 * Queries gather as in txtd, or as long as -g says, 0: not at all. No rate limiting. At the end it prints what it answered, and whether every frame is accounted for. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/population.h"
#include "dataplane/io/gather.h"
#include "dataplane/io/xdp.h"

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int serve(const char *interface, uint64_t delegates, unsigned gather_us)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(53)};
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    struct dns_address addresses[2] = {{.address_len = sizeof any}, {.address_len = sizeof any6}};
    memcpy(&addresses[0].address, &any, sizeof any);
    memcpy(&addresses[1].address, &any6, sizeof any6);
    struct xdp_settings settings = {.addresses = addresses, .addresses_count = 2, .gather_us = gather_us};
    (void)snprintf(settings.interface, sizeof settings.interface, "%s", interface);

    struct delegate_table *table = NULL;
    struct responder *responder = population_new(delegates, &table);
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
    population_free(responder, table);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "names") == 0) {
        population_print_names(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
        return 0;
    }
    unsigned gather_us = GATHER_US_DEFAULT;
    bool fine = true;
    int option;
    while ((option = getopt(argc, argv, "g:")) != -1) {
        if (option == 'g') {
            gather_us = (unsigned)strtoul(optarg, NULL, 10);
        } else {
            fine = false;
        }
    }
    if (fine && optind == argc - 2 && strtoull(argv[optind + 1], NULL, 10) > 0) {
        return serve(argv[optind], strtoull(argv[optind + 1], NULL, 10), gather_us);
    }
    fprintf(stderr, "usage: bench_xdp_server [-g MICROSECONDS] INTERFACE DELEGATES | names DELEGATES COUNT\n");
    return 2;
}
