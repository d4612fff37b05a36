/* xdp.h for a build without libxdp (TXTD_XDP off): it says so. */
#include "dataplane/io/xdp.h"

bool xdp_is_built(void)
{
    return false;
}

int xdp_bind(const struct xdp_settings *settings, const struct responder *responder, struct xdp_server **server,
             struct error_detail *detail)
{
    (void)responder;
    (void)server;
    return error_describe(detail, TXTD_EUNSUPPORTED,
                          "%s: this txtd was built without XDP; install libxdp-dev and build again",
                          settings->interface);
}

void xdp_describe(const struct xdp_server *server, struct xdp_setup *setup)
{
    (void)server;
    *setup = (struct xdp_setup){.queues = 0};
}

int xdp_start(struct xdp_server *server, struct error_detail *detail)
{
    (void)server;
    return error_describe(detail, TXTD_EUNSUPPORTED, "this txtd was built without XDP");
}

void xdp_stop(struct xdp_server *server)
{
    (void)server;
}

void xdp_free(struct xdp_server *server)
{
    (void)server;
}

void xdp_counters(const struct xdp_server *server, struct respond_counters *sum, struct xdp_counters *xdp)
{
    (void)server;
    *sum = (struct respond_counters){.nodata = 0};
    *xdp = (struct xdp_counters){.frames = 0};
}
