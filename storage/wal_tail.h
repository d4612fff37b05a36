/* wal_tail.h: the end of the write-ahead log after a power failure.
 *
 * Everything that is written to the store, commits and notes of use alike, is one record of RocksDB's log, synced before the next one
 * is begun: no write may do without (`sync` of struct store_options is off in tests only). So when power is lost, only the last
 * record can be torn: cut short, or with pages missing in its middle, since the kernel writes them back in any order. RocksDB
 * tolerates the first and calls the second corruption; it also takes some damage of acknowledged commits for a tail. This tells
 * them apart: damage with no commit begun behind it is a torn tail, which nobody was told is durable, and is cut off;
 * damage with a commit behind it is corruption. Older logs were synced before the newest was written to: in them, any damage
 * is.
 */
#ifndef TXTD_STORAGE_WAL_TAIL_H
#define TXTD_STORAGE_WAL_TAIL_H

#include "dataplane/error.h"

/* Looks at all logs; mends the newest one with anything in it. To be called before the database is opened. Returns 0 (whole, or made so),
 * TXTD_ECORRUPT (`detail` names file and place; nothing touched), TXTD_ESYS (it cannot be read: `detail` says why; nothing touched
 * either) or TXTD_ENOMEM. */
int wal_tail_mend(const char *directory, struct error_detail *detail);

/* The same for a store that is only read, and that another process may be writing to: a torn end is left as it is. */
int wal_tail_check(const char *directory, struct error_detail *detail);

#endif
