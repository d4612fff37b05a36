#include "dataplane/zone/huge_map.h"

#include <stdint.h>
#include <sys/mman.h>

static void *map(size_t len)
{
    void *address = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        return NULL;
    }
    /* The table keeps a tag in the upper 16 bits of a pointer; no Linux gives such addresses unasked. */
    if (((uintptr_t)address + len) >> 48 != 0) {
        (void)munmap(address, len);
        return NULL;
    }
    return address;
}

void *huge_map(size_t len)
{
    if (len % HUGE_PAGE_LEN != 0) {
        return map(len);
    }
    /* One huge page more than needed, then cut at both ends to the alignment. */
    uint8_t *start = map(len + HUGE_PAGE_LEN);
    if (start == NULL) {
        return NULL;
    }
    size_t before = -(uintptr_t)start % HUGE_PAGE_LEN;
    if (before > 0) {
        (void)munmap(start, before);
    }
    (void)munmap(start + before + len, HUGE_PAGE_LEN - before);
    (void)madvise(start + before, len, MADV_HUGEPAGE);
    return start + before;
}

void huge_unmap(void *address, size_t len)
{
    if (address != NULL) {
        (void)munmap(address, len);
    }
}
