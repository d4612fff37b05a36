#include "storage/backup_engine.h"

#include <inttypes.h>

#include "storage/database.h"

#define RATE_LIMIT ((uint64_t)200 << 20) /* octets a second: the disk is for commits first */

int backup_engine_fail(const struct backup_engine *engine, struct error_detail *detail, char *error)
{
    int code = database_error_code(error);
    (void)error_describe(detail, code, "backup directory %s: %s", engine->directory, error);
    rocksdb_free(error);
    return code;
}

int backup_engine_open(const char *directory, rocksdb_env_t *env, struct backup_engine *engine,
                       struct error_detail *detail)
{
    char *error = NULL;
    engine->directory = directory;
    engine->options = rocksdb_backup_engine_options_create(directory);
    rocksdb_backup_engine_options_set_sync(engine->options, 1);
    rocksdb_backup_engine_options_set_share_table_files(engine->options, 1);
    rocksdb_backup_engine_options_set_backup_rate_limit(engine->options, RATE_LIMIT);
    engine->engine = rocksdb_backup_engine_open_opts(engine->options, env, &error);
    if (error == NULL) {
        return 0;
    }
    rocksdb_backup_engine_options_destroy(engine->options);
    return backup_engine_fail(engine, detail, error);
}

void backup_engine_close(struct backup_engine *engine)
{
    rocksdb_backup_engine_close(engine->engine);
    rocksdb_backup_engine_options_destroy(engine->options);
}

int backup_engine_find(const struct backup_engine *engine, uint32_t number, struct backup_report *report,
                       struct error_detail *detail)
{
    const rocksdb_backup_engine_info_t *info = rocksdb_backup_engine_get_backup_info(engine->engine);
    int count = rocksdb_backup_engine_info_count(info), found = -1;
    for (int i = 0; i < count; i++) {
        uint32_t this_number = rocksdb_backup_engine_info_backup_id(info, i);
        if (number == 0 ? found < 0 || this_number > rocksdb_backup_engine_info_backup_id(info, found)
                        : this_number == number) {
            found = i;
        }
    }
    if (found >= 0) {
        *report = (struct backup_report){.number = rocksdb_backup_engine_info_backup_id(info, found),
                                         .made_at_s = rocksdb_backup_engine_info_timestamp(info, found),
                                         .octets = rocksdb_backup_engine_info_size(info, found),
                                         .files = rocksdb_backup_engine_info_number_files(info, found),
                                         .kept = (uint32_t)count};
    }
    rocksdb_backup_engine_info_destroy(info);
    if (found < 0 && number == 0) {
        return error_describe(
            detail, TXTD_ENOTFOUND,
            "backup directory %s: holds no whole backup (files are missing, or cut short); use another backup",
            engine->directory);
    }
    return found >= 0 ? 0
                      : error_describe(detail, TXTD_ENOTFOUND,
                                       "backup directory %s: holds no whole backup %" PRIu32 "; use another backup",
                                       engine->directory, number);
}
