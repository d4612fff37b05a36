/* database_files.h: what must be there before RocksDB is let near a store: RocksDB fills gaps by beginning anew.
 *
 * Without CURRENT it makes an empty database, and the next opening deletes every table that the empty one does not know;
 * without the log it opens what the tables hold. So both are looked for here first.
 */
#ifndef TXTD_STORAGE_DATABASE_FILES_H
#define TXTD_STORAGE_DATABASE_FILES_H

#include <stdbool.h>

#include "dataplane/error.h"

/* Looks at the files of a store that was whole once; touches none. `was_open`: RocksDB has had it open, and so it must have a log; false
 * for what was copied out of a backup, which has none. Returns 0 or, with a `detail` that names the file and what to do, TXTD_ECORRUPT
 * (missing or damaged) or TXTD_ESYS (it cannot be looked at, or is not ours to read). Any thread. */
int database_files_check(const char *directory, bool was_open, struct error_detail *detail);

#endif
