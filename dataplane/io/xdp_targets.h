/* xdp_targets.h: what an interface is and which addresses are served behind it. Control thread only. */
#ifndef TXTD_DATAPLANE_IO_XDP_TARGETS_H
#define TXTD_DATAPLANE_IO_XDP_TARGETS_H

#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/io/xdp_program.h"

/* The Ethernet address of the interface. Returns 0, TXTD_EINVAL (no such interface, not Ethernet) or TXTD_ESYS. */
int xdp_interface_mac(const char *interface, uint8_t mac[6], struct error_detail *detail);

/* The number of receive queues, which a driver states as channels; 1 when it does not. */
unsigned xdp_interface_queues(const char *interface);

/* Fills `targets` from the addresses, a wildcard becoming every address that the host has now, loopback left out. What does
 * not fit is left to the kernel's sockets: *left_out pairs of address and port. Returns 0, TXTD_EINVAL when there is none, or
 * TXTD_ESYS. */
int xdp_targets_collect(const struct dns_address addresses[], unsigned addresses_count,
                        struct xdp_target targets[XDP_TARGETS_MAX], unsigned *targets_count, unsigned *left_out,
                        struct error_detail *detail);

#endif
