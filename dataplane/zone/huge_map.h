/* huge_map.h: anonymous memory that asks for huge pages, for what is looked up at random addresses. */
#ifndef TXTD_DATAPLANE_ZONE_HUGE_MAP_H
#define TXTD_DATAPLANE_ZONE_HUGE_MAP_H

#include <stddef.h>

#define HUGE_PAGE_LEN ((size_t)2 << 20)

/* Maps `len` octets of zeros. A length that is a multiple of HUGE_PAGE_LEN is aligned to it and advised to be huge.
 * Addresses fit in 48 bits. Returns NULL when the system gives no memory. Any thread. */
void *huge_map(size_t len);

/* Gives back what huge_map gave, with the same length. Any thread. */
void huge_unmap(void *address, size_t len);

#endif
