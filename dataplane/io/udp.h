/* udp.h: the loop of one UDP worker: receive a burst, answer it, send it, declare a quiescent state. */
#ifndef TXTD_DATAPLANE_IO_UDP_H
#define TXTD_DATAPLANE_IO_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/io/server.h"
#include "dataplane/respond.h"

/* One socket of a worker. */
struct udp_socket {
    int fd;
    bool wildcard; /* answers must leave from the address that was asked */
};

struct udp_worker {
    const struct responder *responder;
    struct respond_worker *respond;
    const struct udp_socket *sockets;
    unsigned sockets_count;
    unsigned gather_us; /* gather.h */
    const bool *stop;   /* atomic */
};

/* Serves until *stop. Registers the calling thread with QSBR, off line whenever it may block. Returns 0 or TXTD_ENOMEM. */
int udp_worker_run(struct udp_worker *worker);

#endif
