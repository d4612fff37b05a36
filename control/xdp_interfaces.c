#include "control/xdp_interfaces.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/log.h"
#include "dataplane/io/xdp.h"

struct xdp_interfaces {
    unsigned count;
    const char *names[XDP_INTERFACES_MAX]; /* the configuration's */
    pthread_mutex_t lock;                  /* for those who count while the main thread releases: what follows */
    struct xdp_server *servers[XDP_INTERFACES_MAX]; /* NULL: released, and this is what it had counted: */
    struct {
        struct respond_counters respond;
        struct xdp_counters xdp;
    } final[XDP_INTERFACES_MAX];
};

static int bind_one(const struct config *config, unsigned index, const struct dns_server *dns,
                    const struct responder *responder, struct xdp_server **server, struct error_detail *detail)
{
    const struct config_xdp *xdp = &config->xdp[index];
    struct dns_address addresses[DNS_SERVER_ADDRESSES_MAX];
    struct error_detail reason = {""};
    struct xdp_settings settings = {
        .addresses = addresses,
        .addresses_count = config->dns.addresses_count,
        .mode = xdp->mode,
        .copy = xdp->copy,
        .busy_poll_us = xdp->busy_poll_us,
        .pin = config->dns.pin,
        .gather_us = config->dns.gather_us,
        .rrl = config->dns.rrl,
        .rrl_settings = config->dns.rrl_settings,
    };
    memcpy(settings.interface, xdp->interface, strnlen(xdp->interface, sizeof settings.interface - 1));
    dns_server_addresses(dns, addresses);
    int rc = xdp_bind(&settings, responder, server, &reason);
    if (rc != 0) {
        return error_describe(detail, rc, "dns.xdp[%u]: %s", index,
                              reason.text[0] != '\0' ? reason.text : txtd_error_text(rc));
    }
    return 0;
}

int xdp_interfaces_bind(const struct config *config, const struct dns_server *dns, const struct responder *responder,
                        struct xdp_interfaces **made, struct error_detail *detail)
{
    struct xdp_interfaces *interfaces = calloc(1, sizeof *interfaces);
    if (interfaces == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    (void)pthread_mutex_init(&interfaces->lock, NULL);
    for (unsigned i = 0; i < config->xdp_count; i++) {
        int rc = bind_one(config, i, dns, responder, &interfaces->servers[i], detail);
        if (rc != 0) {
            xdp_interfaces_free(interfaces);
            return rc;
        }
        interfaces->names[i] = config->xdp[i].interface;
        interfaces->count++;
    }
    *made = interfaces;
    return 0;
}

int xdp_interfaces_start(struct xdp_interfaces *interfaces, struct error_detail *detail)
{
    for (unsigned i = 0; i < interfaces->count; i++) {
        int rc = xdp_start(interfaces->servers[i], detail);
        if (rc != 0) {
            xdp_interfaces_stop(interfaces);
            return rc;
        }
    }
    return 0;
}

void xdp_interfaces_log(const struct xdp_interfaces *interfaces, struct log *log)
{
    for (unsigned i = 0; i < interfaces->count; i++) {
        struct xdp_setup setup;
        xdp_describe(interfaces->servers[i], &setup);
        log_event(log, LOG_LEVEL_INFO, "dns.xdp", log_text("interface", interfaces->names[i]),
                  log_text("mode", setup.native ? "native" : "generic"), log_bool("zero_copy", setup.zero_copy),
                  log_uint("queues", setup.queues), log_uint("targets", setup.targets));
        if (setup.left_out > 0) {
            log_event(
                log, LOG_LEVEL_WARNING, "dns.xdp_left_out", log_text("interface", interfaces->names[i]),
                log_uint("addresses", setup.left_out),
                log_text("hint", "too many: these are answered by the kernel's sockets; name fewer in dns.listen"));
        }
    }
}

void xdp_interfaces_stop(struct xdp_interfaces *interfaces)
{
    for (unsigned i = 0; i < interfaces->count; i++) {
        if (interfaces->servers[i] != NULL) {
            xdp_stop(interfaces->servers[i]);
        }
    }
}

void xdp_interfaces_release(struct xdp_interfaces *interfaces)
{
    if (interfaces == NULL) {
        return;
    }
    xdp_interfaces_stop(interfaces);
    for (unsigned i = 0; i < interfaces->count; i++) {
        struct xdp_server *server = interfaces->servers[i];
        if (server != NULL) {
            (void)pthread_mutex_lock(&interfaces->lock);
            xdp_counters(server, &interfaces->final[i].respond, &interfaces->final[i].xdp);
            interfaces->servers[i] = NULL;
            (void)pthread_mutex_unlock(&interfaces->lock);
            xdp_free(server);
        }
    }
}

void xdp_interfaces_free(struct xdp_interfaces *interfaces)
{
    if (interfaces == NULL) {
        return;
    }
    for (unsigned i = 0; i < interfaces->count; i++) {
        xdp_free(interfaces->servers[i]);
    }
    (void)pthread_mutex_destroy(&interfaces->lock);
    free(interfaces);
}

unsigned xdp_interfaces_count(const struct xdp_interfaces *interfaces)
{
    return interfaces->count;
}

const char *xdp_interfaces_name(const struct xdp_interfaces *interfaces, unsigned index)
{
    return interfaces->names[index];
}

void xdp_interfaces_counters(struct xdp_interfaces *interfaces, unsigned index, struct respond_counters *respond,
                             struct xdp_counters *xdp)
{
    (void)pthread_mutex_lock(&interfaces->lock);
    if (interfaces->servers[index] != NULL) {
        xdp_counters(interfaces->servers[index], respond, xdp);
    } else {
        *respond = interfaces->final[index].respond;
        *xdp = interfaces->final[index].xdp;
    }
    (void)pthread_mutex_unlock(&interfaces->lock);
}
