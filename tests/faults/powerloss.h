/* powerloss.h: the journal between powerloss_shim.c, which writes it, and powerloss_disk.c, which reads it.
 *
 * A sequence of records, each a header and its payload, in the order in which the process under test did these things. The
 * last record may be cut short by the kill, and is then ignored.
 */
#ifndef TXTD_TESTS_POWERLOSS_H
#define TXTD_TESTS_POWERLOSS_H

#include <stdint.h>

#define POWERLOSS_MAGIC 0x7077726cU

enum powerloss_type {
    POWERLOSS_FILE = 1,  /* a file with inode number `offset` gets the number `file`; payload: its path, for people */
    POWERLOSS_WRITE,     /* payload was written at `offset` of `file` */
    POWERLOSS_TRUNCATE,  /* `file` was set to `offset` octets */
    POWERLOSS_SYNC,      /* everything of `file` up to here is on the disk */
    POWERLOSS_DIRECTORY, /* a directory was synced; payload: its path below the root and a line feed, then for each
                            entry "f <file number> <name>" or "d 0 <name>" and a line feed */
};

struct powerloss_record {
    uint32_t magic;
    uint32_t type;
    uint32_t file;
    uint32_t len; /* octets of the payload */
    uint64_t offset;
};

#endif
