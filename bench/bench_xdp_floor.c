/* bench_xdp_floor.c: the least that an AF_XDP server can do: it turns the headers round and sets one bit of the message.
 *
 *     bench_xdp_floor [-c] [-g MICROSECONDS] INTERFACE
 *
 * Serves port 53 at all the host's addresses on queue 0 of the interface until SIGTERM or SIGINT. It takes the rings in the
 * plainest way and knows no names, so what it costs a query is what AF_XDP costs here. With -c never zero copy; with -g it lets
 * queries gather so long while they come fast, as txtd does (dataplane/io/gather.h). `bench/xdp.sh` runs it in turn with the
 * others. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "dataplane/io/gather.h"
#include "dataplane/io/xdp_program.h"
#include "dataplane/io/xdp_targets.h"

#define RING_LEN  2048u
#define FRAME_LEN 2048u
#define FRAMES    (2 * RING_LEN)
#define BURST     64u

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_xdp_floor: %s\n", what);
    exit(1);
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
    uint8_t kept[16];
    memcpy(kept, a, len);
    memcpy(a, b, len);
    memcpy(b, kept, len);
}

/* Addresses and ports exchanged leave the checksums as they are; the bit makes the UDP checksum wrong, so it is left out. */
static void reflect(uint8_t *frame)
{
    swap(frame, frame + ETH_ALEN, ETH_ALEN);
    uint8_t *ip = frame + ETH_HLEN;
    bool ipv6 = ip[0] >> 4 == 6;
    uint8_t *udp = ip + (ipv6 ? 40 : 20);
    if (ipv6) {
        swap(ip + 8, ip + 24, 16);
    } else {
        swap(ip + 12, ip + 16, 4);
        memset(udp + 6, 0, 2);
    }
    swap(udp, udp + 2, 2);
    udp[8 + 2] |= 0x80; /* QR */
}

struct floor {
    struct xsk_ring_cons receive;
    struct xsk_ring_prod send;
    struct xsk_ring_prod fill;
    struct xsk_ring_cons completion;
    struct xsk_umem *umem;
    struct xsk_socket *xsk;
    uint8_t *memory;
    unsigned long long answered;
};

static void open_socket(struct floor *floor, const char *interface, bool copy)
{
    size_t len = (size_t)FRAMES * FRAME_LEN;
    floor->memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    const struct xsk_umem_config umem = {.fill_size = RING_LEN, .comp_size = RING_LEN, .frame_size = FRAME_LEN};
    const struct xsk_socket_config config = {.rx_size = RING_LEN,
                                             .tx_size = RING_LEN,
                                             .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
                                             .bind_flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (copy ? XDP_COPY : 0))};
    if (floor->memory == MAP_FAILED) {
        die("no memory");
    }
    int rc = -EBUSY;
    for (unsigned i = 0; i < 60 && rc == -EBUSY; i++) { /* the one before us may still be leaving */
        (void)usleep(50000);
        if (xsk_umem__create(&floor->umem, floor->memory, len, &floor->fill, &floor->completion, &umem) != 0) {
            die("cannot register the memory");
        }
        rc = xsk_socket__create(&floor->xsk, interface, 0, floor->umem, &floor->receive, &floor->send, &config);
        if (rc != 0) {
            (void)xsk_umem__delete(floor->umem);
        }
    }
    if (rc != 0) {
        die("cannot open the socket");
    }
    uint32_t index;
    if (xsk_ring_prod__reserve(&floor->fill, RING_LEN, &index) != RING_LEN) {
        die("cannot fill the fill ring");
    }
    for (uint32_t i = 0; i < RING_LEN; i++) {
        *xsk_ring_prod__fill_addr(&floor->fill, index + i) = (uint64_t)i * FRAME_LEN;
    }
    xsk_ring_prod__submit(&floor->fill, RING_LEN);
}

/* Frames that were sent go straight back to the fill ring. */
static void recycle(struct floor *floor)
{
    uint32_t from;
    uint32_t to;
    uint32_t count = xsk_ring_cons__peek(&floor->completion, RING_LEN, &from);
    if (count == 0) {
        return;
    }
    /* The kernel shows a frame as received a moment before it shows it as taken out of the fill ring. */
    for (unsigned tries = 0; xsk_ring_prod__reserve(&floor->fill, count, &to) != count; tries++) {
        if (tries == 1000000) {
            die("no room in the fill ring");
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        *xsk_ring_prod__fill_addr(&floor->fill, to + i) = *xsk_ring_cons__comp_addr(&floor->completion, from + i);
    }
    xsk_ring_prod__submit(&floor->fill, count);
    xsk_ring_cons__release(&floor->completion, count);
}

/* Returns how many frames came. */
static uint32_t serve_burst(struct floor *floor, int fd)
{
    uint32_t from;
    uint32_t to;
    if (xsk_prod_nb_free(&floor->send, BURST) < BURST) { /* the kernel is behind with sending */
        (void)sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
        recycle(floor);
        return BURST; /* and more wait */
    }
    uint32_t count = xsk_ring_cons__peek(&floor->receive, BURST, &from);
    if (count > 0) {
        if (xsk_ring_prod__reserve(&floor->send, count, &to) != count) {
            die("no room in the send ring");
        }
        for (uint32_t i = 0; i < count; i++) {
            const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&floor->receive, from + i);
            reflect(floor->memory + desc->addr);
            *xsk_ring_prod__tx_desc(&floor->send, to + i) = (struct xdp_desc){.addr = desc->addr, .len = desc->len};
        }
        xsk_ring_cons__release(&floor->receive, count);
        xsk_ring_prod__submit(&floor->send, count);
        if (xsk_ring_prod__needs_wakeup(&floor->send)) {
            (void)sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
        }
        floor->answered += count;
    }
    recycle(floor);
    return count;
}

static void serve(struct floor *floor, unsigned gather_us)
{
    struct pollfd poll_fd = {.fd = xsk_socket__fd(floor->xsk), .events = POLLIN};
    struct gather gather;
    gather_begin(&gather, gather_us);
    while (!stop) {
        uint32_t count = serve_burst(floor, poll_fd.fd);
        bool gathers = gather_wanted(&gather);
        gather_received(&gather, count, BURST);
        if (gathers && gather_wanted(&gather)) { /* as io/xdp_worker.c */
            gather_sleep(&gather);
        } else if (count == 0) {
            (void)poll(&poll_fd, 1, 100);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned gather_us = 0;
    bool copy = false;
    bool fine = true;
    int option;
    while ((option = getopt(argc, argv, "cg:")) != -1) {
        if (option == 'g') {
            gather_us = (unsigned)strtoul(optarg, NULL, 10);
        }
        copy = copy || option == 'c';
        fine = fine && option != '?';
    }
    if (!fine || optind != argc - 1) {
        fprintf(stderr, "usage: bench_xdp_floor [-c] [-g MICROSECONDS] INTERFACE\n");
        return 2;
    }
    const char *interface = argv[optind];
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(53)};
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    struct dns_address addresses[2] = {{.address_len = sizeof any}, {.address_len = sizeof any6}};
    memcpy(&addresses[0].address, &any, sizeof any);
    memcpy(&addresses[1].address, &any6, sizeof any6);

    struct error_detail detail = {""};
    struct xdp_target targets[XDP_TARGETS_MAX];
    unsigned targets_count = 0, left_out = 0;
    uint8_t mac[6];
    struct xdp_program program;
    struct floor floor = {.answered = 0};
    if (xdp_interface_mac(interface, mac, &detail) != 0 ||
        xdp_targets_collect(addresses, 2, targets, &targets_count, &left_out, &detail) != 0 ||
        xdp_program_load(&program, mac, targets, targets_count, 1, &detail) != 0 ||
        xdp_program_attach(&program, interface, XDP_MODE_AUTO, &detail) != 0) {
        die(detail.text);
    }
    open_socket(&floor, interface, copy);
    if (xdp_program_set_socket(&program, 0, xsk_socket__fd(floor.xsk)) != 0) {
        die("cannot give the queue to the socket");
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    xdp_program_open_gate(&program, true);
    printf("ready\n");
    (void)fflush(stdout);
    serve(&floor, gather_us);
    printf("answered %llu\n", floor.answered);
    xdp_program_unload(&program);
    return 0;
}
