#include "dataplane/io/xdp.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/io/xdp_program.h"
#include "dataplane/io/xdp_targets.h"
#include "dataplane/io/xdp_worker.h"

struct xdp_server {
    struct xdp_program program;
    unsigned queues;
    unsigned targets_count;
    unsigned left_out;          /* targets that there was no room for */
    struct xdp_worker *workers; /* one a queue */
};

bool xdp_is_built(void)
{
    return true;
}

/* The n-th CPU that this process may run on, round and round. */
static int nth_cpu(unsigned n)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0) {
        return -1;
    }
    n %= (unsigned)CPU_COUNT(&allowed);
    int cpu = 0;
    for (;; cpu++) {
        if (CPU_ISSET((size_t)cpu, &allowed) && n-- == 0) {
            return cpu;
        }
    }
}

static int load_program(struct xdp_server *server, const struct xdp_settings *settings, struct error_detail *detail)
{
    uint8_t mac[6];
    struct xdp_target targets[XDP_TARGETS_MAX];
    int rc = xdp_interface_mac(settings->interface, mac, detail);
    if (rc == 0) {
        rc = xdp_targets_collect(settings->addresses, settings->addresses_count, targets, &server->targets_count,
                                 &server->left_out, detail);
    }
    if (rc == 0) {
        rc = xdp_program_load(&server->program, mac, targets, server->targets_count, server->queues, detail);
    }
    if (rc == 0) {
        rc = xdp_program_attach(&server->program, settings->interface, settings->mode, detail);
    }
    return rc;
}

static uint32_t share_of(uint32_t limit, unsigned queues)
{
    return limit == 0 ? 0 : limit < queues ? 1 : limit / queues;
}

static int make_limiter(struct xdp_server *server, const struct xdp_settings *settings, struct rrl **rrl,
                        struct error_detail *detail)
{
    struct rrl_settings part = settings->rrl_settings;
    part.positive_per_s = share_of(part.positive_per_s, server->queues);
    part.other_per_s = share_of(part.other_per_s, server->queues);
    int rc = rrl_new(&part, rrl);
    return rc == 0 ? 0 : error_describe(detail, rc, "cannot make the rate limiter of an XDP worker");
}

static int open_queue(struct xdp_server *server, const struct xdp_settings *settings, const struct responder *responder,
                      unsigned queue, struct error_detail *detail)
{
    struct xdp_worker *worker = &server->workers[queue];
    worker->responder = responder;
    worker->queue = queue;
    worker->gather_us = settings->gather_us;
    worker->busy_poll_us = settings->busy_poll_us;
    responder_add_worker(responder, &worker->respond);
    worker->cpu = settings->pin ? nth_cpu(queue) : -1;
    int rc = settings->rrl ? make_limiter(server, settings, &worker->respond.rrl, detail) : 0;
    if (rc != 0) {
        return rc;
    }
    const struct xdp_socket_options options = {
        .interface = settings->interface,
        .queue = queue,
        .copy = settings->copy || !server->program.native,
        .busy_poll_us = settings->busy_poll_us,
    };
    rc = xdp_socket_open(&options, &worker->socket, detail);
    if (rc == 0 && xdp_program_set_socket(&server->program, queue, xdp_socket_fd(worker->socket)) != 0) {
        rc = error_describe(detail, TXTD_ESYS, "%s: cannot give queue %u to its socket", settings->interface, queue);
    }
    return rc;
}

int xdp_bind(const struct xdp_settings *settings, const struct responder *responder, struct xdp_server **server,
             struct error_detail *detail)
{
    unsigned queues = xdp_interface_queues(settings->interface);
    if (queues > XDP_QUEUES_MAX) {
        return error_describe(detail, TXTD_EINVAL, "%s has %u queues, XDP takes %d; see ethtool -L",
                              settings->interface, queues, XDP_QUEUES_MAX);
    }
    struct xdp_server *made = calloc(1, sizeof *made);
    struct xdp_worker *workers = aligned_alloc(_Alignof(struct xdp_worker), queues * sizeof *workers);
    if (made == NULL || workers == NULL) {
        free(made);
        free(workers);
        return TXTD_ENOMEM;
    }
    memset(workers, 0, queues * sizeof *workers);
    made->program = XDP_PROGRAM_NONE;
    made->queues = queues;
    made->workers = workers;
    int rc = load_program(made, settings, detail);
    for (unsigned queue = 0; queue < queues && rc == 0; queue++) {
        rc = open_queue(made, settings, responder, queue, detail);
    }
    if (rc != 0) {
        xdp_free(made);
        return rc;
    }
    *server = made;
    return 0;
}

void xdp_describe(const struct xdp_server *server, struct xdp_setup *setup)
{
    *setup = (struct xdp_setup){
        .native = server->program.native,
        .zero_copy = true,
        .queues = server->queues,
        .targets = server->targets_count,
        .left_out = server->left_out,
    };
    for (unsigned i = 0; i < server->queues; i++) {
        setup->zero_copy = setup->zero_copy && xdp_socket_zero_copy(server->workers[i].socket);
    }
}

int xdp_start(struct xdp_server *server, struct error_detail *detail)
{
    for (unsigned i = 0; i < server->queues; i++) {
        if (xdp_worker_start(&server->workers[i]) != 0) {
            xdp_stop(server);
            return error_describe(detail, TXTD_ESYS, "cannot start an XDP worker");
        }
    }
    xdp_program_open_gate(&server->program, true);
    return 0;
}

void xdp_stop(struct xdp_server *server)
{
    xdp_program_open_gate(&server->program, false);
    for (unsigned i = 0; i < server->queues; i++) {
        xdp_worker_stop(&server->workers[i]);
    }
}

void xdp_free(struct xdp_server *server)
{
    if (server == NULL) {
        return;
    }
    xdp_program_unload(&server->program);
    for (unsigned i = 0; i < server->queues; i++) {
        xdp_socket_close(server->workers[i].socket);
        rrl_free(server->workers[i].respond.rrl);
    }
    free(server->workers);
    free(server);
}

static void add_respond_counters(struct respond_counters *sum, const struct respond_counters *part)
{
    /* All its fields are 64-bit counters, written by one worker each. */
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)part;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

void xdp_counters(const struct xdp_server *server, struct respond_counters *sum, struct xdp_counters *xdp)
{
    *sum = (struct respond_counters){.nodata = 0};
    *xdp = (struct xdp_counters){.frames = 0};
    for (unsigned i = 0; i < server->queues; i++) {
        const struct xdp_worker *worker = &server->workers[i];
        add_respond_counters(sum, &worker->respond.counters);
        xdp_socket_add_counters(worker->socket, xdp);
        xdp->invalid += __atomic_load_n(&worker->invalid, __ATOMIC_RELAXED);
    }
}
