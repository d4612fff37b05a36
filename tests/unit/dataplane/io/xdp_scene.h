/* xdp_scene.h: two network namespaces joined by a veth pair, for the tests of AF_XDP. Included by one test program each.
 *
 * xs0 (10.77.0.1, fd77::1) is the server's end, xc0 (10.77.0.2, fd77::2) the client's. The test runs in the server's
 * namespace and enters the client's to open sockets there. */
#ifndef TXTD_TESTS_XDP_SCENE_H
#define TXTD_TESTS_XDP_SCENE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int server_namespace;
static int client_namespace;

static inline void enter(int network_namespace)
{
    assert_int_equal(setns(network_namespace, CLONE_NEWNET), 0);
}

static inline void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void run(const char *format, ...)
{
    char command[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

/* Joins the namespaces by a veth pair of so many queues: xs0 the server's end, xc0 the client's. */
static inline void make_pair(unsigned queues)
{
    enter(server_namespace);
    run("ip link add xs0 numrxqueues %u numtxqueues %u type veth peer name xc0 numrxqueues %u numtxqueues %u netns "
        "/proc/%d/fd/%d",
        queues, queues, queues, queues, getpid(), client_namespace);
    run("ip address add 10.77.0.1/24 dev xs0 && ip address add fd77::1/64 dev xs0 nodad && ip link set xs0 up && "
        "ip link set lo up");
    enter(client_namespace);
    run("ip address add 10.77.0.2/24 dev xc0 && ip address add fd77::2/64 dev xc0 nodad && ip link set xc0 up");
    enter(server_namespace);
    /* The kernel gives the link-local address some time after the link is up. */
    run("for i in $(seq 200); do ip -6 -oneline address show dev xs0 scope link | grep -q fe80: && exit 0; sleep 0.05; "
        "done; "
        "exit 1");
}

static inline void drop_pair(void)
{
    enter(server_namespace);
    run("ip link del xs0");
}

/* A UDP socket of the client's, connected to that port of the server. Waits ten seconds at most. */
static inline int connect_client(uint16_t port, bool ipv6)
{
    enter(client_namespace);
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    enter(server_namespace);
    assert_true(fd >= 0);
    const struct timeval timeout = {.tv_sec = 10};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    (void)inet_pton(AF_INET, "10.77.0.1", &in.sin_addr);
    (void)inet_pton(AF_INET6, "fd77::1", &in6.sin6_addr);
    int rc = ipv6 ? connect(fd, (struct sockaddr *)&in6, sizeof in6) : connect(fd, (struct sockaddr *)&in, sizeof in);
    assert_int_equal(rc, 0);
    return fd;
}

/* Makes the two namespaces. Returns whether this process may. */
static inline bool make_namespaces(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    client_namespace = open("/proc/self/ns/net", O_RDONLY);
    if (unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    server_namespace = open("/proc/self/ns/net", O_RDONLY);
    return client_namespace >= 0 && server_namespace >= 0;
}

#endif
