#include "dataplane/io/xdp_socket.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <xdp/xsk.h>

#include "dataplane/zone/huge_map.h"

/* At most RING_LEN frames are to be sent or on their way back, though the send and the completion ring together would hold
 * twice as many: so a full fill ring and a burst with the worker are always left, to receive into. */
#define RING_LEN      2048u
#define FRAMES        (2 * RING_LEN + 64)
#define SEND_MAX      RING_LEN
#define FRAME_LEN     ((uint32_t)XDP_SOCKET_MEMORY_LEN)
#define MEMORY_LEN    ((FRAMES * (size_t)FRAME_LEN + HUGE_PAGE_LEN - 1) / HUGE_PAGE_LEN * HUGE_PAGE_LEN)
#define RECLAIM_MAX   64u /* frames taken from the completion ring at once */
#define BUSY_RETRIES  60
#define BUSY_PAUSE_MS 50
#define BUSY_BUDGET   64 /* packets a busy poll may handle */

enum owner { OWNER_FREE, OWNER_FILL, OWNER_WORKER, OWNER_SEND, OWNER_COUNT };

struct xdp_socket {
    struct xsk_socket *xsk;
    struct xsk_umem *umem;
    uint8_t *memory;
    bool zero_copy;
    bool busy_poll;
    struct xsk_ring_cons receive;
    struct xsk_ring_prod send;
    struct xsk_ring_prod fill;
    struct xsk_ring_cons completion;
    uint64_t owned[OWNER_COUNT];
    uint64_t misowned;
    uint64_t received;
    uint64_t sent;
    uint64_t send_full;
    uint8_t owner[FRAMES];
    uint32_t free[FRAMES]; /* the free list, a stack of `owned[OWNER_FREE]` frames */
};

/* --- The account; written by the worker, read by anyone --- */

static void count(uint64_t *counter, uint64_t change)
{
    __atomic_store_n(counter, *counter + change, __ATOMIC_RELAXED);
}

static uint64_t counted(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Moves a frame from one owner to the next (from the free list: its top). Returns false, and counts, when the frame was not where it should have been. */
static bool pass_frame(struct xdp_socket *sock, uint64_t frame, enum owner from, enum owner to)
{
    if (frame >= FRAMES || sock->owner[frame] != from) {
        count(&sock->misowned, 1);
        return false;
    }
    if (to == OWNER_FREE) {
        sock->free[sock->owned[OWNER_FREE]] = (uint32_t)frame;
    }
    sock->owner[frame] = (uint8_t)to;
    count(&sock->owned[from], UINT64_MAX);
    count(&sock->owned[to], 1);
    return true;
}

/* --- Opening --- */

/* Registers the memory and binds the socket. Returns 0 or a negative errno. */
static int open_rings(struct xdp_socket *sock, const struct xdp_socket_options *options)
{
    const struct xsk_umem_config umem_config = {.fill_size = RING_LEN, .comp_size = RING_LEN, .frame_size = FRAME_LEN};
    int rc = xsk_umem__create(&sock->umem, sock->memory, MEMORY_LEN, &sock->fill, &sock->completion, &umem_config);
    if (rc != 0) {
        sock->umem = NULL;
        return rc;
    }
    struct xsk_socket_config config = {.rx_size = RING_LEN,
                                       .tx_size = RING_LEN,
                                       .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
                                       .bind_flags = XDP_USE_NEED_WAKEUP};
    if (options->copy) {
        config.bind_flags |= XDP_COPY; /* without it the kernel takes zero copy where the driver has it */
    }
    rc = xsk_socket__create(&sock->xsk, options->interface, options->queue, sock->umem, &sock->receive, &sock->send,
                            &config);
    if (rc != 0) { /* the rings of this memory are used up: another attempt starts from the beginning */
        sock->xsk = NULL;
        (void)xsk_umem__delete(sock->umem);
        sock->umem = NULL;
    }
    return rc;
}

/* The kernel frees a queue some time after the process that had it is gone: a restart waits for that. */
static int open_rings_patiently(struct xdp_socket *sock, const struct xdp_socket_options *options,
                                struct error_detail *detail)
{
    int rc = open_rings(sock, options);
    for (unsigned i = 0; i < BUSY_RETRIES && rc == -EBUSY; i++) {
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        rc = open_rings(sock, options);
    }
    if (rc == 0) {
        return 0;
    }
    const char *hint = rc == -EBUSY     ? "; another process has one there"
                       : rc == -ENOBUFS ? "; raise the limit on locked memory (LimitMEMLOCK, ulimit -l)"
                                        : "";
    return error_describe(detail, rc == -EAFNOSUPPORT ? TXTD_EUNSUPPORTED : TXTD_ESYS,
                          "%s, queue %u: cannot open an AF_XDP socket: %s%s", options->interface, options->queue,
                          strerror(-rc), hint);
}

static int set_busy_poll(const struct xdp_socket *sock, unsigned busy_poll_us)
{
    int on = 1;
    int us = (int)busy_poll_us;
    int budget = BUSY_BUDGET;
    int fd = xsk_socket__fd(sock->xsk);
    return setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof on) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof us) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof budget) == 0
               ? 0
               : TXTD_ESYS;
}

/* Fills the fill ring as far as there are frames and room. */
static void refill(struct xdp_socket *sock)
{
    uint32_t room = xsk_prod_nb_free(&sock->fill, RING_LEN);
    uint32_t available = (uint32_t)sock->owned[OWNER_FREE];
    uint32_t some = room < available ? room : available;
    uint32_t index;
    if (some == 0 || xsk_ring_prod__reserve(&sock->fill, some, &index) != some) {
        return;
    }
    for (uint32_t i = 0; i < some; i++) {
        uint32_t frame = sock->free[sock->owned[OWNER_FREE] - 1];
        (void)pass_frame(sock, frame, OWNER_FREE, OWNER_FILL);
        *xsk_ring_prod__fill_addr(&sock->fill, index + i) = (uint64_t)frame * FRAME_LEN;
    }
    xsk_ring_prod__submit(&sock->fill, some);
}

int xdp_socket_open(const struct xdp_socket_options *options, struct xdp_socket **sock, struct error_detail *detail)
{
    struct xdp_socket *made = calloc(1, sizeof *made);
    uint8_t *memory = huge_map(MEMORY_LEN);
    if (made == NULL || memory == NULL) {
        free(made);
        huge_unmap(memory, MEMORY_LEN);
        return error_describe(detail, TXTD_ENOMEM, "no memory for an AF_XDP socket");
    }
    made->memory = memory;
    made->busy_poll = options->busy_poll_us > 0;
    for (uint32_t i = 0; i < FRAMES; i++) {
        made->free[i] = FRAMES - 1 - i;
    }
    made->owned[OWNER_FREE] = FRAMES;
    int rc = open_rings_patiently(made, options, detail);
    if (rc == 0 && options->busy_poll_us > 0 && set_busy_poll(made, options->busy_poll_us) != 0) {
        rc = error_describe(detail, TXTD_EUNSUPPORTED, "%s: the kernel refuses busy polling: %s", options->interface,
                            strerror(errno));
    }
    if (rc != 0) {
        xdp_socket_close(made);
        return rc;
    }
    struct xdp_options kernel = {.flags = 0};
    socklen_t len = sizeof kernel;
    made->zero_copy = getsockopt(xsk_socket__fd(made->xsk), SOL_XDP, XDP_OPTIONS, &kernel, &len) == 0 &&
                      (kernel.flags & XDP_OPTIONS_ZEROCOPY) != 0;
    refill(made);
    *sock = made;
    return 0;
}

void xdp_socket_close(struct xdp_socket *sock)
{
    if (sock == NULL) {
        return;
    }
    if (sock->xsk != NULL) {
        xsk_socket__delete(sock->xsk);
    }
    if (sock->umem != NULL) {
        (void)xsk_umem__delete(sock->umem);
    }
    huge_unmap(sock->memory, MEMORY_LEN);
    free(sock);
}

int xdp_socket_fd(const struct xdp_socket *sock)
{
    return xsk_socket__fd(sock->xsk);
}

bool xdp_socket_zero_copy(const struct xdp_socket *sock)
{
    return sock->zero_copy;
}

/* --- The worker --- */

unsigned xdp_socket_receive(struct xdp_socket *sock, struct xdp_buffer buffers[], unsigned max)
{
    uint32_t index;
    uint32_t available = xsk_ring_cons__peek(&sock->receive, max, &index);
    if (available == 0) {
        return 0;
    }
    unsigned taken = 0;
    for (uint32_t i = 0; i < available; i++) {
        const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&sock->receive, index + i);
        if (pass_frame(sock, desc->addr / FRAME_LEN, OWNER_FILL, OWNER_WORKER)) {
            buffers[taken].octets = sock->memory + desc->addr;
            buffers[taken].len = desc->len;
            buffers[taken].capacity = FRAME_LEN - (uint32_t)(desc->addr % FRAME_LEN);
            __builtin_prefetch(buffers[taken].octets);
            __builtin_prefetch(buffers[taken].octets + 64);
            taken++;
        }
    }
    xsk_ring_cons__release(&sock->receive, available);
    count(&sock->received, available);
    return taken;
}

void xdp_socket_send(struct xdp_socket *sock, const struct xdp_buffer buffers[], unsigned buffers_count)
{
    uint32_t sent = 0;
    for (unsigned i = 0; i < buffers_count; i++) {
        uint64_t address = (uint64_t)(buffers[i].octets - sock->memory);
        uint32_t index;
        if (buffers[i].len == 0) {
            (void)pass_frame(sock, address / FRAME_LEN, OWNER_WORKER, OWNER_FREE);
        } else if (sock->owned[OWNER_SEND] == SEND_MAX || xsk_ring_prod__reserve(&sock->send, 1, &index) != 1) {
            (void)pass_frame(sock, address / FRAME_LEN, OWNER_WORKER, OWNER_FREE);
            count(&sock->send_full, 1);
        } else {
            (void)pass_frame(sock, address / FRAME_LEN, OWNER_WORKER, OWNER_SEND);
            *xsk_ring_prod__tx_desc(&sock->send, index) = (struct xdp_desc){.addr = address, .len = buffers[i].len};
            sent++;
        }
    }
    xsk_ring_prod__submit(&sock->send, sent);
    count(&sock->sent, sent);
}

static void reclaim(struct xdp_socket *sock)
{
    uint32_t index;
    uint32_t available;
    while ((available = xsk_ring_cons__peek(&sock->completion, RECLAIM_MAX, &index)) > 0) {
        for (uint32_t i = 0; i < available; i++) {
            uint64_t address = *xsk_ring_cons__comp_addr(&sock->completion, index + i);
            (void)pass_frame(sock, address / FRAME_LEN, OWNER_SEND, OWNER_FREE);
        }
        xsk_ring_cons__release(&sock->completion, available);
    }
}

void xdp_socket_turn(struct xdp_socket *sock)
{
    int fd = xsk_socket__fd(sock->xsk);
    if (xsk_prod_nb_free(&sock->send, RING_LEN) < RING_LEN && xsk_ring_prod__needs_wakeup(&sock->send)) {
        /* What fails here (EAGAIN, EBUSY, ENOBUFS, ENETDOWN) is tried again in the next turn: the ring keeps the frames. */
        (void)sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
    }
    reclaim(sock);
    refill(sock);
    /* Nobody but a receive polls the card while SO_PREFER_BUSY_POLL keeps its interrupts off. */
    if (sock->busy_poll || xsk_ring_prod__needs_wakeup(&sock->fill)) {
        (void)recvfrom(fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    }
}

unsigned xdp_socket_unsent(const struct xdp_socket *sock)
{
    return (unsigned)sock->owned[OWNER_SEND];
}

/* --- Anyone --- */

void xdp_socket_add_counters(const struct xdp_socket *sock, struct xdp_counters *sum)
{
    sum->frames += FRAMES;
    sum->frames_free += counted(&sock->owned[OWNER_FREE]);
    sum->frames_fill += counted(&sock->owned[OWNER_FILL]);
    sum->frames_worker += counted(&sock->owned[OWNER_WORKER]);
    sum->frames_send += counted(&sock->owned[OWNER_SEND]);
    sum->frames_misowned += counted(&sock->misowned);
    sum->received += counted(&sock->received);
    sum->sent += counted(&sock->sent);
    sum->send_full += counted(&sock->send_full);
    struct xdp_statistics kernel;
    socklen_t len = sizeof kernel;
    memset(&kernel, 0, sizeof kernel);
    if (getsockopt(xsk_socket__fd(sock->xsk), SOL_XDP, XDP_STATISTICS, &kernel, &len) == 0) {
        sum->kernel_dropped +=
            kernel.rx_dropped + kernel.rx_ring_full + kernel.rx_invalid_descs + kernel.tx_invalid_descs;
    }
}
