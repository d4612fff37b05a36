/* xdp_worker.h: the thread that answers what one queue of an interface receives. */
#ifndef TXTD_DATAPLANE_IO_XDP_WORKER_H
#define TXTD_DATAPLANE_IO_XDP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/io/xdp_socket.h"
#include "dataplane/respond.h"

struct xdp_worker {
    struct respond_worker respond; /* counters, and the rate limiter, which belongs to the maker */
    const struct responder *responder;
    struct xdp_socket *socket; /* belongs to the maker */
    uint64_t invalid;          /* frames that were not answerable queries; read by anyone */
    unsigned queue;            /* for the thread's name */
    unsigned gather_us;        /* gather.h; not while busy polling */
    unsigned busy_poll_us;     /* how long the card is polled after the last frame, before sleeping; 0: not at all */
    int cpu;                   /* to pin to; -1: none */
    atomic_bool stop;
    bool running;
    pthread_t thread;
};

/* Starts the thread; it registers itself with QSBR and is off line whenever it waits. Returns 0 or TXTD_ESYS. */
int xdp_worker_start(struct xdp_worker *worker);

/* Lets the worker answer what it has received, and joins it. Harmless when it does not run. */
void xdp_worker_stop(struct xdp_worker *worker);

#endif
