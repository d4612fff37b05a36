#include "storage/crc32c.h"

#include <pthread.h>

/* An octet at a time: the disk is slower. */
static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_make(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) {
            value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0);
        }
        table[i] = value;
    }
}

uint32_t crc32c(uint32_t crc, const uint8_t *octets, size_t len)
{
    (void)pthread_once(&table_once, table_make);
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc = table[(crc ^ octets[i]) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}
