/* bench_udp_floor.c: the least that a UDP server on kernel sockets can do: recvmmsg, turn the query bit, append as many octets as one
 * value takes, sendmmsg. What it costs is the floor for any DNS server on the same machine.
 *
 *     bench_udp_floor PORT     on 127.0.0.1, until it is killed */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BURST    32
#define ROOM     2048
#define APPENDED 56 /* one TXT record of 43 octets with a compressed owner */

int main(int argc, char **argv)
{
    static uint8_t buffers[BURST][ROOM + 64];
    static struct sockaddr_in clients[BURST];
    static struct iovec vectors[BURST];
    static struct mmsghdr messages[BURST];
    const int room = 4 << 20;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)(argc == 2 ? strtoul(argv[1], NULL, 10) : 0)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (argc != 2 || fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("bench_udp_floor PORT");
        return 1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    for (unsigned i = 0; i < BURST; i++) {
        messages[i].msg_hdr = (struct msghdr){.msg_name = &clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    for (;;) {
        for (unsigned i = 0; i < BURST; i++) {
            vectors[i] = (struct iovec){buffers[i], ROOM};
            messages[i].msg_hdr.msg_namelen = sizeof clients[i];
        }
        int received = recvmmsg(fd, messages, BURST, MSG_WAITFORONE, NULL);
        for (int i = 0; i < received; i++) {
            buffers[i][2] |= 0x80;
            memset(buffers[i] + messages[i].msg_len, 'x', APPENDED);
            vectors[i].iov_len = messages[i].msg_len + APPENDED;
        }
        for (int at = 0; at < received;) {
            int sent = sendmmsg(fd, messages + at, (unsigned)(received - at), 0);
            at += sent > 0 ? sent : 1;
        }
    }
}
