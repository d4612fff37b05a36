#include "dataplane/io/xdp_targets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* One question to the kernel about an interface. Returns 0 or -1 with errno. */
static int ask_interface(const char *interface, unsigned long question, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    memcpy(request->ifr_name, interface, strnlen(interface, IF_NAMESIZE - 1));
    int rc = ioctl(fd, question, request);
    int error = errno;
    (void)close(fd);
    errno = error;
    return rc;
}

int xdp_interface_mac(const char *interface, uint8_t mac[6], struct error_detail *detail)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    if (ask_interface(interface, SIOCGIFHWADDR, &request) != 0) {
        return error_describe(detail, errno == ENODEV ? TXTD_EINVAL : TXTD_ESYS, "interface %s: %s", interface,
                              strerror(errno));
    }
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        return error_describe(detail, TXTD_EINVAL, "interface %s is not Ethernet, which XDP here needs", interface);
    }
    memcpy(mac, request.ifr_hwaddr.sa_data, 6);
    return 0;
}

unsigned xdp_interface_queues(const char *interface)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_data = (char *)&channels;
    if (ask_interface(interface, SIOCETHTOOL, &request) != 0) {
        return 1;
    }
    unsigned queues = channels.combined_count + channels.rx_count;
    return queues > 0 ? queues : 1;
}

struct target_list {
    struct xdp_target *targets;
    unsigned count;
    unsigned left_out;
};

static void add_target(struct target_list *list, const struct sockaddr *address, uint16_t port)
{
    struct xdp_target target = {.ipv6 = address->sa_family == AF_INET6, .port = port};
    if (target.ipv6) {
        memcpy(target.address, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    } else {
        memcpy(target.address, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    }
    for (unsigned i = 0; i < list->count; i++) {
        const struct xdp_target *other = &list->targets[i];
        if (other->ipv6 == target.ipv6 && other->port == port && memcmp(other->address, target.address, 16) == 0) {
            return;
        }
    }
    if (list->count == XDP_TARGETS_MAX) {
        list->left_out++;
        return;
    }
    list->targets[list->count++] = target;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    }
    return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool is_wildcard(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    }
    return ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

int xdp_targets_collect(const struct dns_address addresses[], unsigned addresses_count,
                        struct xdp_target targets[XDP_TARGETS_MAX], unsigned *targets_count, unsigned *left_out,
                        struct error_detail *detail)
{
    struct target_list list = {.targets = targets};
    struct ifaddrs *host = NULL;
    if (getifaddrs(&host) != 0) {
        return error_describe(detail, TXTD_ESYS, "cannot list the host's addresses: %s", strerror(errno));
    }
    for (unsigned i = 0; i < addresses_count; i++) {
        const struct sockaddr *address = (const struct sockaddr *)&addresses[i].address;
        uint16_t port =
            ntohs(address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                                                 : ((const struct sockaddr_in *)(const void *)address)->sin_port);
        if (!is_wildcard(address)) {
            add_target(&list, address, port);
            continue;
        }
        for (const struct ifaddrs *item = host; item != NULL; item = item->ifa_next) {
            if (item->ifa_addr != NULL && item->ifa_addr->sa_family == address->sa_family &&
                !is_loopback(item->ifa_addr)) {
                add_target(&list, item->ifa_addr, port);
            }
        }
    }
    freeifaddrs(host);
    *targets_count = list.count;
    *left_out = list.left_out;
    return list.count > 0 ? 0 : error_describe(detail, TXTD_EINVAL, "no address to serve by XDP");
}
