/* crc32c.h: the checksum of RocksDB's log and of its backups: CRC-32C (Castagnoli), as in RFC 3720 appendix B.4. */
#ifndef TXTD_STORAGE_CRC32C_H
#define TXTD_STORAGE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` octets behind those whose checksum is `crc` (0: behind nothing). Any thread. */
uint32_t crc32c(uint32_t crc, const uint8_t *octets, size_t len);

#endif
