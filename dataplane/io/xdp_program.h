/* xdp_program.h: the XDP program that picks queries out of an interface's frames.
 *
 * It is assembled here, for the addresses to be served, and loaded through libbpf; so the build needs no compiler for BPF,
 * and the program compares with constants instead of asking a map. Control thread only, except for the gate.
 */
#ifndef TXTD_DATAPLANE_IO_XDP_PROGRAM_H
#define TXTD_DATAPLANE_IO_XDP_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/io/xdp.h"

#define XDP_TARGETS_MAX 128

/* An address and a port that are served. */
struct xdp_target {
    bool ipv6;
    uint8_t address[16]; /* network order; IPv4 in the first four */
    uint16_t port;       /* host order */
};

struct xdp_program {
    int program;
    int sockets;  /* XSKMAP, by queue */
    int gate_map; /* one word: 0 while everything goes to the kernel */
    int link;
    uint32_t *gate; /* that word, mapped */
    bool native;
};

/* A program that holds nothing; xdp_program_unload is harmless on it. */
#define XDP_PROGRAM_NONE ((struct xdp_program){.program = -1, .sockets = -1, .gate_map = -1, .link = -1})

/* Assembles and loads the program with its gate shut. Frames to another station than `mac` are left alone.
 * Returns 0, TXTD_ESYS or TXTD_EUNSUPPORTED with `detail`; xdp_program_unload is harmless after a failure. */
int xdp_program_load(struct xdp_program *program, const uint8_t mac[6], const struct xdp_target targets[],
                     unsigned targets_count, unsigned queues, struct error_detail *detail);

/* Attaches it to the interface, by a bpf_link that lives as long as this process keeps it.
 * Returns 0, TXTD_ESYS (another program is attached, say) or TXTD_EUNSUPPORTED with `detail`. */
int xdp_program_attach(struct xdp_program *program, const char *interface, enum xdp_mode mode,
                       struct error_detail *detail);

/* Gives the frames of one queue to a socket. Returns 0 or TXTD_ESYS. */
int xdp_program_set_socket(const struct xdp_program *program, uint32_t queue, int socket_fd);

/* Lets queries in, or sends them to the kernel. No system call; any thread. */
void xdp_program_open_gate(const struct xdp_program *program, bool open);

/* Detaches and closes everything. */
void xdp_program_unload(struct xdp_program *program);

#endif
