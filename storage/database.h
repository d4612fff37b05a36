/* database.h: the RocksDB underneath: its options, its column families, opening and closing, errors as codes.
 *
 * Only the store's own files use it. The options live as long as the struct, the open database can be closed and
 * opened again in place (after an I/O error RocksDB's C API offers no other way on).
 */
#ifndef TXTD_STORAGE_DATABASE_H
#define TXTD_STORAGE_DATABASE_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "storage/store.h"

enum database_family {
    FAMILY_DEFAULT, /* RocksDB insists on it; empty */
    FAMILY_DELEGATES,
    FAMILY_ACCOUNTS,
    FAMILY_META,    /* schema number, revision and count, zones */
    FAMILY_HISTORY, /* made now, so that writing history needs no new layout */
    FAMILY_COUNT
};

/* What went wrong, for the log: the newest of each kind, and how many. */
struct database_trouble {
    pthread_mutex_t lock;
    struct store_trouble trouble;
};

struct database {
    char *directory;
    struct database_trouble *trouble;
    rocksdb_t *db; /* NULL while closed */
    rocksdb_column_family_handle_t *families[FAMILY_COUNT];

    rocksdb_options_t *options;
    rocksdb_options_t *family_options[FAMILY_COUNT];
    rocksdb_cache_t *cache;
    rocksdb_env_t *env;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
};

/* Prepares options; opens nothing. Returns 0 or TXTD_ENOMEM. */
int database_new(const struct store_options *options, struct database *database);
void database_free(struct database *database);

/* Opens, with all column families. `make`: what is missing is made; else a directory that lacks files is refused before
 * RocksDB touches it. Returns 0 or a code with `detail`; who tries again and again notes trouble as often as he likes. */
int database_open(struct database *database, bool make, struct error_detail *detail);

/* Opens it for reading only as it is now, also while another process has it open; touches nothing but `scratch`, a directory
 * of the caller's that it may remove afterwards. Returns 0 or a code with `detail`. */
int database_open_reader(struct database *database, const char *scratch, struct error_detail *detail);

/* As database_open_reader, which takes an older state for a file that is missing or too short: this refuses. Once a database_new. */
int database_open_strict_reader(struct database *database, const char *scratch, struct error_detail *detail);

/* Waits for background work and closes; nothing when closed. */
void database_close(struct database *database);

/* The code of an error text of RocksDB (not NULL): TXTD_ENOSPC, TXTD_ECORRUPT, TXTD_EUNSUPPORTED or TXTD_EIO. */
int database_error_code(const char *error);

/* As error_describe, with RocksDB's own words (which name the file), and frees them; notes corruption. Returns the code. */
int database_describe(const struct database *database, struct error_detail *detail, char *error);

/* Notes a failure for store_trouble: TXTD_ECORRUPT is damage that a read found, everything else a write that failed. Any thread. */
void database_note_trouble(const struct database *database, int code, const char *text);

/* One batched read in one family. Fills values[i] (NULL: not there; else destroy it) and codes[i]. At most
 * DATABASE_READ_MAX keys. */
#define DATABASE_READ_MAX 128
void database_read_many(const struct database *database, enum database_family family, size_t count,
                        const char *const keys[], const size_t lens[], rocksdb_pinnableslice_t *values[], int codes[]);

#endif
