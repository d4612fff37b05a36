#include <stdio.h>
#include <string.h>

#include "control/config_keys.h"
#include "control/config_parts.h"

#define BUSY_POLL_MAX_US 10000

#define XDP_KEY(member, target, ...) CONFIG_KEY(struct config_raw_xdp, struct config_xdp, member, target, __VA_ARGS__)

static const char *const mode_words[] = {
    [XDP_MODE_AUTO] = "auto", [XDP_MODE_NATIVE] = "native", [XDP_MODE_GENERIC] = "generic", NULL};

static const struct config_key xdp_keys[] = {
    XDP_KEY(interface, interface, CONFIG_STRING, NULL, 1, IF_NAMESIZE - 1),
    XDP_KEY(mode, mode, CONFIG_WORD, "auto", 0, 0, .words = mode_words),
    XDP_KEY(copy, copy, CONFIG_BOOL, "false", 0, 1),
    XDP_KEY(busy_poll, busy_poll_us, CONFIG_NUMBER, "0", 0, BUSY_POLL_MAX_US),
};
#define XDP_KEYS (sizeof xdp_keys / sizeof xdp_keys[0])

/* The kernel allows more; but nobody uses it, and so the name can be put into a log, a metric or a hint as it is. */
static bool is_interface_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@";
    return name[strspn(name, letters)] == '\0';
}

static int read_interface(const struct config_reader *reader, const struct config_raw *raw, unsigned index,
                          struct config *config)
{
    char prefix[32], path[48];
    struct config_xdp *xdp = &config->xdp[index];
    (void)snprintf(prefix, sizeof prefix, "dns.xdp[%u]", index);
    (void)snprintf(path, sizeof path, "%s.interface", prefix);
    int rc = config_keys_read(reader, xdp_keys, XDP_KEYS, &raw->dns.xdp[index], xdp, prefix);
    if (rc == 0 && !is_interface_name(xdp->interface)) {
        rc = config_refuse(reader, path, "\"%s\" is not the name of an interface", xdp->interface);
    }
    for (unsigned i = 0; rc == 0 && i < index; i++) {
        if (strcmp(config->xdp[i].interface, xdp->interface) == 0) {
            rc = config_refuse(reader, path, "%s is dns.xdp[%u] already", xdp->interface, i);
        }
    }
    return rc;
}

int config_read_xdp(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    if (raw->dns.xdp_count > 0 && !xdp_is_built()) {
        return config_refuse(reader, "dns.xdp",
                             "this txtd was built without XDP; install libxdp-dev and libbpf-dev and build it again");
    }
    for (unsigned i = 0; i < raw->dns.xdp_count; i++) {
        int rc = read_interface(reader, raw, i, config);
        if (rc != 0) {
            return rc;
        }
    }
    config->xdp_count = raw->dns.xdp_count;
    return 0;
}

bool config_xdp_differs(const struct config *one, const struct config *other)
{
    const char *paths[1];
    bool differ = one->xdp_count != other->xdp_count;
    for (unsigned i = 0; i < one->xdp_count && !differ; i++) {
        differ = config_keys_differ(xdp_keys, XDP_KEYS, &one->xdp[i], &other->xdp[i], paths, 1) != 0;
    }
    return differ;
}
