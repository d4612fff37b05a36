/* xdp_socket.h: one AF_XDP socket with its memory, rings and the account of its frames.
 *
 * Every frame is owned by one of four: the free list, the fill ring (the kernel receives into it), the worker, or the send
 * ring (the kernel sends it, until it comes back by the completion ring). Each passage is checked against a note of the
 * owner, so that a frame that is lost, or comes twice, is counted and not used.
 *
 * Threads: opened by the control thread; then one worker; the counters may be read by anyone.
 */
#ifndef TXTD_DATAPLANE_IO_XDP_SOCKET_H
#define TXTD_DATAPLANE_IO_XDP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/io/xdp.h"

/* Octets of a frame's memory; a power of two. An answer of 1,232 octets with its headers fits behind the driver's headroom. */
#define XDP_SOCKET_MEMORY_LEN 2048

/* Octets of the longest frame that the kernel can put there; it drops what is longer. */
#define XDP_SOCKET_FRAME_MAX (XDP_SOCKET_MEMORY_LEN - 256) /* XDP_PACKET_HEADROOM, in <linux/bpf.h> */

struct xdp_socket;

struct xdp_socket_options {
    const char *interface;
    uint32_t queue;
    bool copy;             /* never zero copy */
    unsigned busy_poll_us; /* 0: off */
};

/* A frame that the worker owns. */
struct xdp_buffer {
    uint8_t *octets;
    uint32_t len;      /* octets received, or to be sent */
    uint32_t capacity; /* octets from `octets` to the frame's end */
};

/* Opens and binds the socket and gives the kernel frames to receive into. Returns 0, TXTD_ESYS, TXTD_EUNSUPPORTED or
 * TXTD_ENOMEM with `detail`. */
int xdp_socket_open(const struct xdp_socket_options *options, struct xdp_socket **sock, struct error_detail *detail);

/* Closes it; frames that are in the rings are gone with it. */
void xdp_socket_close(struct xdp_socket *sock);

int xdp_socket_fd(const struct xdp_socket *sock);
bool xdp_socket_zero_copy(const struct xdp_socket *sock);

/* --- The worker --- */

/* Takes up to `max` received frames, which the worker then owns. Never waits. */
unsigned xdp_socket_receive(struct xdp_socket *sock, struct xdp_buffer buffers[], unsigned max);

/* Gives frames of the worker to be sent, each `len` octets from `octets` on; frames with `len` 0, and frames that find
 * as many before them as the send ring holds, go to the free list. */
void xdp_socket_send(struct xdp_socket *sock, const struct xdp_buffer buffers[], unsigned buffers_count);

/* Takes back frames that were sent, fills the fill ring, and wakes the kernel where it asks for that, or lets it poll the card
 * (busy polling). To be called after each burst, and before waiting. */
void xdp_socket_turn(struct xdp_socket *sock);

/* Frames that are still to be sent, or on their way back. */
unsigned xdp_socket_unsent(const struct xdp_socket *sock);

/* --- Anyone --- */

/* Adds this socket's account of frames to *sum (every field but `invalid`). */
void xdp_socket_add_counters(const struct xdp_socket *sock, struct xdp_counters *sum);

#endif
