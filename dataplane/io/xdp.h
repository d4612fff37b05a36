/* xdp.h: DNS over AF_XDP on one network interface, beside the kernel's sockets.
 *
 * An XDP program takes exactly the frames that are whole UDP datagrams to a served address and port, and hands each to the
 * socket (XSK) of the queue it came in by; everything else, and everything while no worker runs, goes on to the kernel,
 * whose sockets stay bound. One worker thread a queue answers in place, in the frame that brought the query.
 *
 * The program is attached by an unpinned bpf_link: it leaves with the process, however that ends.
 */
#ifndef TXTD_DATAPLANE_IO_XDP_H
#define TXTD_DATAPLANE_IO_XDP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/guard/rrl.h"
#include "dataplane/io/server.h"
#include "dataplane/respond.h"

#define XDP_QUEUES_MAX 64

enum xdp_mode {
    XDP_MODE_AUTO,    /* native where the driver can, else generic */
    XDP_MODE_NATIVE,  /* or refuse */
    XDP_MODE_GENERIC, /* the kernel's own, slower, on any interface */
};

struct xdp_settings {
    char interface[IF_NAMESIZE];
    const struct dns_address
        *addresses; /* with the real ports; a wildcard stands for the host's addresses at this moment */
    unsigned addresses_count;
    enum xdp_mode mode;
    bool copy;             /* never zero copy, even where the driver has it */
    unsigned busy_poll_us; /* SO_PREFER_BUSY_POLL, and so many microseconds of it before a worker sleeps; 0: off */
    bool pin;              /* pin the worker of queue n to the n-th CPU this process may run on */
    unsigned gather_us; /* how long a busy worker lets queries gather (gather.h); 0: not at all, as with busy polling */
    bool rrl;           /* rate limiting on; `rrl_settings` are for the interface, divided among its queues here */
    struct rrl_settings rrl_settings;
};

/* How it was set up, for the log. */
struct xdp_setup {
    bool native;    /* else generic */
    bool zero_copy; /* on every queue; else copying */
    unsigned queues;
    unsigned targets;  /* pairs of address and port that the program looks for */
    unsigned left_out; /* more, which it has no room for: they are left to the kernel's sockets */
};

/* Frames are always somewhere: free + fill + worker + send is `frames`, and misowned is 0, or the rings are broken. Owned
 * by the workers; a sum over queues that run may be off by the frames of a burst. */
struct xdp_counters {
    uint64_t frames; /* in all */
    uint64_t frames_free;
    uint64_t frames_fill;     /* with the kernel, to receive into */
    uint64_t frames_worker;   /* being answered */
    uint64_t frames_send;     /* with the kernel, to be sent */
    uint64_t frames_misowned; /* came back from a ring that they were not in */
    uint64_t received;
    uint64_t invalid; /* received, but not an answerable query: bad lengths, a source that nobody can have */
    uint64_t sent;
    uint64_t send_full;      /* answers dropped because as many waited to be sent as the send ring holds */
    uint64_t kernel_dropped; /* for lack of a frame in the fill ring or room in the receive ring, or refused by it */
};

struct xdp_server;

/* Whether this build has XDP at all (TXTD_XDP). Without it xdp_bind says TXTD_EUNSUPPORTED. Pure. */
bool xdp_is_built(void);

/* Loads and attaches the program, and opens a socket for each queue; queries still go to the kernel. Start-up thread, as root
 * (CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF; CAP_IPC_LOCK or a large RLIMIT_MEMLOCK), before privileges are dropped. `responder` is
 * borrowed. Returns 0, or TXTD_EINVAL, TXTD_EUNSUPPORTED (not built in, or not in this kernel), TXTD_ESYS or TXTD_ENOMEM with
 * `detail`, and nothing is left attached. */
int xdp_bind(const struct xdp_settings *settings, const struct responder *responder, struct xdp_server **server,
             struct error_detail *detail);

/* How xdp_bind set it up. Any thread. */
void xdp_describe(const struct xdp_server *server, struct xdp_setup *setup);

/* Starts the workers and lets queries in. Needs no privileges. Returns 0 or TXTD_ESYS. */
int xdp_start(struct xdp_server *server, struct error_detail *detail);

/* Queries go to the kernel again, what was received is answered, the workers are joined (each wakes at least every 200 ms). */
void xdp_stop(struct xdp_server *server);

/* Detaches and frees. After xdp_stop, or instead of xdp_start. */
void xdp_free(struct xdp_server *server);

/* Sums over all queues. Any thread, any time between bind and free. */
void xdp_counters(const struct xdp_server *server, struct respond_counters *sum, struct xdp_counters *xdp);

#endif
