/* table_loader.h: fills the delegate table from the store when txtd starts.
 *
 * The store is read in disjoint ranges, each by a thread of its own, which are the table's builders.
 */
#ifndef TXTD_CONTROL_TABLE_LOADER_H
#define TXTD_CONTROL_TABLE_LOADER_H

#include <stdint.h>

#include "dataplane/error.h"

struct delegate_table;
struct store;
struct value_ttls;

#define TABLE_LOADER_BUILDERS_MAX 16

/* Loads every delegate into `table`, which is empty and has no reader yet, and returns once all of them are visible. Start-up
 * thread; the store takes no commit meanwhile. `builders` threads, 1 .. TABLE_LOADER_BUILDERS_MAX; 0: one per CPU.
 * Returns 0, or a code with a `detail`: the store is corrupt, or memory is short. */
int table_loader_load(struct store *store, const struct value_ttls *ttls, unsigned builders,
                      struct delegate_table *table, struct error_detail *detail);

#endif
