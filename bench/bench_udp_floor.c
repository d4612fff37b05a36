/* bench_udp_floor.c: the least that a UDP server on kernel sockets can do: recvmmsg, turn the query bit, append as many octets as one
 * value takes, sendmmsg. What it costs is the floor for any DNS server on the same machine.
 *
 *     bench_udp_floor [-a ADDRESS] [-g MICROSECONDS] PORT     on 127.0.0.1, until it is killed
 *
 * With -g it lets queries gather so long while they come fast, by the same rule as txtd (dataplane/io/gather.h): then it is the floor
 * of a server that does so. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/io/gather.h"

#define BURST    32
#define ROOM     2048
#define APPENDED 56 /* one TXT record of 43 octets with a compressed owner */

struct burst {
    uint8_t buffers[BURST][ROOM + 64];
    struct sockaddr_in clients[BURST];
    struct iovec vectors[BURST];
    struct mmsghdr messages[BURST];
};

static int receive(struct burst *burst, int fd, int flags)
{
    for (unsigned i = 0; i < BURST; i++) {
        burst->vectors[i] = (struct iovec){burst->buffers[i], ROOM};
        burst->messages[i].msg_hdr = (struct msghdr){.msg_name = &burst->clients[i],
                                                     .msg_namelen = sizeof burst->clients[i],
                                                     .msg_iov = &burst->vectors[i],
                                                     .msg_iovlen = 1};
    }
    return recvmmsg(fd, burst->messages, BURST, flags, NULL);
}

static void answer(struct burst *burst, int fd, int received)
{
    for (int i = 0; i < received; i++) {
        burst->buffers[i][2] |= 0x80;
        memset(burst->buffers[i] + burst->messages[i].msg_len, 'x', APPENDED);
        burst->vectors[i].iov_len = burst->messages[i].msg_len + APPENDED;
    }
    for (int at = 0; at < received;) {
        int sent = sendmmsg(fd, burst->messages + at, (unsigned)(received - at), 0);
        at += sent > 0 ? sent : 1;
    }
}

static void serve(int fd, unsigned gather_us)
{
    static struct burst burst;
    struct gather gather;
    gather_begin(&gather, gather_us);
    for (;;) {
        bool gathers = gather_wanted(&gather);
        if (gathers) {
            gather_sleep(&gather);
        }
        int received = receive(&burst, fd, gathers ? MSG_DONTWAIT : MSG_WAITFORONE);
        gather_received(&gather, received > 0 ? (unsigned)received : 0, BURST);
        answer(&burst, fd, received);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int room = 4 << 20;
    unsigned gather_us = 0;
    bool fine = true;
    int option;
    while ((option = getopt(argc, argv, "a:g:")) != -1) {
        if (option == 'a') {
            fine = fine && inet_pton(AF_INET, optarg, &address.sin_addr) == 1;
        } else if (option == 'g') {
            gather_us = (unsigned)strtoul(optarg, NULL, 10);
        } else {
            fine = false;
        }
    }
    if (!fine || optind != argc - 1) {
        fprintf(stderr, "usage: bench_udp_floor [-a ADDRESS] [-g MICROSECONDS] PORT\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)strtoul(argv[optind], NULL, 10));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("bench_udp_floor");
        return 1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    serve(fd, gather_us);
}
