/* backup_engine.h: RocksDB's backup engine on one directory. The backup's own files only include it. */
#ifndef TXTD_STORAGE_BACKUP_ENGINE_H
#define TXTD_STORAGE_BACKUP_ENGINE_H

#include <rocksdb/c.h>

#include "storage/backup.h"

struct backup_engine {
    const char *directory;
    rocksdb_backup_engine_options_t *options;
    rocksdb_backup_engine_t *engine;
};

/* Opens it; the directory is claimed. Returns 0 or a code with a `detail`; backup_engine_close afterwards only after 0. */
int backup_engine_open(const char *directory, rocksdb_env_t *env, struct backup_engine *engine,
                       struct error_detail *detail);
void backup_engine_close(struct backup_engine *engine);

/* Fills number, made_at_s, octets, files and kept of backup `number`, or of the newest for 0. Returns 0, or TXTD_ENOTFOUND with a
 * `detail`. */
int backup_engine_find(const struct backup_engine *engine, uint32_t number, struct backup_report *report,
                       struct error_detail *detail);

/* The code of RocksDB's error, which is freed, with a `detail`. */
int backup_engine_fail(const struct backup_engine *engine, struct error_detail *detail, char *error);

#endif
