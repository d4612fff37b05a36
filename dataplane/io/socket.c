#include "dataplane/io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

static void address_text(const struct dns_address *address, char text[96])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_storage *storage = &address->address;
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)storage;
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(text, 96, "%s:%u", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)storage;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        (void)snprintf(text, 96, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
}

static const char *advice(int error)
{
    switch (error) {
    case EADDRINUSE: return "another program has it; stop that program or choose another address";
    case EADDRNOTAVAIL: return "this machine does not have that address; correct it";
    case EACCES: return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
    default: return "choose another address";
    }
}

int socket_describe_failure(int fd, const struct dns_address *address, const char *kind, const char *key,
                            struct error_detail *detail)
{
    int error = errno;
    char text[96];
    address_text(address, text);
    if (fd >= 0) {
        (void)close(fd);
    }
    return error_describe(detail, TXTD_ESYS, "cannot serve %s on %s: %s: %s (%s)", kind, text, strerror(error),
                          advice(error), key);
}

static int fail(int fd, const struct dns_address *address, const char *kind, struct error_detail *detail)
{
    return socket_describe_failure(fd, address, kind, "dns.listen", detail);
}

bool socket_is_wildcard(const struct dns_address *address)
{
    if (address->address.ss_family == AF_INET) {
        return ((const struct sockaddr_in *)&address->address)->sin_addr.s_addr == htonl(INADDR_ANY);
    }
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->address)->sin6_addr);
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* RFC 9715 section 3.1: no fragments. OMIT ignores forged ICMP messages and sends with DF off at the interface's MTU, which our
 * 1232 octets never exceed. */
static int set_udp_options(int fd, const struct dns_address *address)
{
    bool wildcard = socket_is_wildcard(address);
    if (address->address.ss_family == AF_INET) {
        if (set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) != 0) {
            return -1;
        }
        return wildcard ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
    }
    if (set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0 ||
        set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) != 0) {
        return -1;
    }
    return wildcard ? set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

int socket_udp(const struct dns_address *address, unsigned receive_buffer, struct error_detail *detail)
{
    const struct timeval wake = {.tv_usec = SOCKET_WAKE_MS * 1000};
    int fd = socket(address->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0 || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0 || set_udp_options(fd, address) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof wake) != 0) {
        return fail(fd, address, "UDP", detail);
    }
    if (receive_buffer > 0 && set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)receive_buffer) != 0) {
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, (int)receive_buffer); /* up to net.core.rmem_max */
    }
    if (bind(fd, (const struct sockaddr *)&address->address, address->address_len) != 0) {
        return fail(fd, address, "UDP", detail);
    }
    return fd;
}

int socket_tcp(const struct dns_address *address, struct error_detail *detail)
{
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0 || set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
        (address->address.ss_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0) ||
        bind(fd, (const struct sockaddr *)&address->address, address->address_len) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        return fail(fd, address, "TCP", detail);
    }
    return fd;
}

int socket_address(int fd, struct dns_address *address)
{
    address->address_len = sizeof address->address;
    return getsockname(fd, (struct sockaddr *)&address->address, &address->address_len) == 0 ? 0 : TXTD_ESYS;
}

static bool same_address(const struct sockaddr_storage *bound, const struct sockaddr_storage *wanted)
{
    if (bound->ss_family != wanted->ss_family) {
        return false;
    }
    if (bound->ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)bound, *b = (const struct sockaddr_in *)wanted;
        return a->sin_addr.s_addr == b->sin_addr.s_addr && (b->sin_port == 0 || a->sin_port == b->sin_port);
    }
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)bound, *b = (const struct sockaddr_in6 *)wanted;
    return IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr) && a->sin6_scope_id == b->sin6_scope_id &&
           (b->sin6_port == 0 || a->sin6_port == b->sin6_port);
}

int socket_serves(int fd, int type, const struct dns_address *address)
{
    struct dns_address bound = {.address_len = 0};
    int is_type = 0, listens = 0;
    socklen_t len = sizeof is_type;
    if (socket_address(fd, &bound) != 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &is_type, &len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0) {
        return TXTD_EINVAL;
    }
    return is_type == type && (listens != 0) == (type == SOCK_STREAM) && same_address(&bound.address, &address->address)
               ? 0
               : TXTD_EINVAL;
}

int socket_steer_by_cpu(int fd, unsigned count)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU)},
        {BPF_ALU | BPF_MOD | BPF_K, 0, 0, count},
        {BPF_RET | BPF_A, 0, 0, 0},
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0 ? 0 : TXTD_ESYS;
}
