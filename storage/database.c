#include "storage/database.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/database_files.h"
#include "storage/wal_tail.h"

#define MIB ((size_t)1 << 20)

static const char *const family_names[FAMILY_COUNT] = {
    [FAMILY_DEFAULT] = "default", [FAMILY_DELEGATES] = "delegates", [FAMILY_ACCOUNTS] = "accounts",
    [FAMILY_META] = "meta",       [FAMILY_HISTORY] = "history",
};

enum {
    LOG_WARNINGS = 2,
    LOG_NOTHING = 6, /* above all levels that are written */
};

/* Index and filter blocks live in the bounded block cache, in small partitions, so that 100 M keys need no memory of their
 * own; the blocks are small because point reads are what happens all day. */
static rocksdb_block_based_table_options_t *table_options(rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, 8192);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_index_type(table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);
    rocksdb_block_based_options_set_metadata_block_size(table, 4096);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    return table;
}

static rocksdb_options_t *family_options(enum database_family family, rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create();
    bool is_small = family == FAMILY_DEFAULT || family == FAMILY_META;
    rocksdb_options_set_write_buffer_size(options, is_small ? 4 * MIB : 64 * MIB);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_block_based_table_options_t *table = table_options(cache);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}

/* Debian's RocksDB aborts when its info log meets a full disk a second time. So the log is elsewhere, or it is an empty file
 * into which nothing is ever written (the C API knows no other way to have none). Such a log level cannot be written into
 * RocksDB's OPTIONS file, which nobody needs: see remove_leftovers. */
static void set_info_log(rocksdb_options_t *options, const char *directory)
{
    rocksdb_options_set_keep_log_file_num(options, 2);
    if (directory == NULL) {
        rocksdb_options_set_info_log_level(options, LOG_NOTHING);
        return;
    }
    rocksdb_options_set_db_log_dir(options, directory);
    rocksdb_options_set_info_log_level(options, LOG_WARNINGS);
    rocksdb_options_set_max_log_file_size(options, 4 * MIB);
}

/* Everything is written with write(2) and made durable with fdatasync(2): never through a mapping. */
static rocksdb_options_t *database_options(const struct store_options *settings, rocksdb_env_t *env)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_env(options, env);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_recycle_log_file_num(options, 0);       /* a recycled log hides damage in its middle */
    rocksdb_options_set_max_total_wal_size(options, 128 * MIB); /* bounds the replay at start-up */
    rocksdb_options_set_allow_mmap_reads(options, 0);
    rocksdb_options_set_allow_mmap_writes(options, 0);
    rocksdb_options_set_bytes_per_sync(options,
                                       MIB); /* compaction's writes trickle out: no bursts before our fdatasync */
    rocksdb_options_set_avoid_unnecessary_blocking_io(options, 1);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_max_open_files(options, 1024);
    rocksdb_options_compaction_readahead_size(options, 2 * MIB);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    set_info_log(options, settings->log_directory);
    return options;
}

/* What the C API has no function for. That a log was synced, and how long it was then, is noted in the manifest: without it or
 * shorter, the store is refused. */
static rocksdb_options_t *with_more_options(rocksdb_options_t *options)
{
    char *error = NULL;
    rocksdb_options_t *more = rocksdb_options_create();
    rocksdb_get_options_from_string(options, "track_and_verify_wals_in_manifest=true", more, &error);
    if (error != NULL) { /* a RocksDB that does not know it */
        rocksdb_free(error);
        rocksdb_options_destroy(more);
        return options;
    }
    rocksdb_options_destroy(options);
    return more;
}

int database_new(const struct store_options *options, struct database *database)
{
    *database = (struct database){.directory = strdup(options->directory)};
    database->trouble = calloc(1, sizeof(*database->trouble));
    if (database->directory == NULL || database->trouble == NULL) {
        free(database->directory);
        free(database->trouble);
        database->directory = NULL;
        return TXTD_ENOMEM;
    }
    pthread_mutex_init(&database->trouble->lock, NULL);
    database->env = rocksdb_create_default_env();
    rocksdb_env_lower_thread_pool_cpu_priority(database->env); /* compaction yields to DNS */
    database->cache = rocksdb_cache_create_lru(options->block_cache);
    database->options = with_more_options(database_options(options, database->env));
    for (enum database_family family = 0; family < FAMILY_COUNT; family++) {
        database->family_options[family] = family_options(family, database->cache);
    }
    database->read = rocksdb_readoptions_create();
    database->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(database->write, options->sync);
    return 0;
}

void database_free(struct database *database)
{
    if (database->directory == NULL) {
        return;
    }
    rocksdb_writeoptions_destroy(database->write);
    rocksdb_readoptions_destroy(database->read);
    for (enum database_family family = 0; family < FAMILY_COUNT; family++) {
        rocksdb_options_destroy(database->family_options[family]);
    }
    rocksdb_options_destroy(database->options);
    rocksdb_cache_destroy(database->cache);
    rocksdb_env_destroy(database->env);
    pthread_mutex_destroy(&database->trouble->lock);
    free(database->trouble);
    free(database->directory);
    database->directory = NULL;
}

int database_error_code(const char *error)
{
    if (strstr(error, "No space left on device") != NULL || strstr(error, "Disk quota exceeded") != NULL) {
        return TXTD_ENOSPC;
    }
    if (strncmp(error, "Corruption", strlen("Corruption")) == 0) {
        return TXTD_ECORRUPT;
    }
    if (strncmp(error, "Not implemented", strlen("Not implemented")) == 0) {
        return TXTD_EUNSUPPORTED;
    }
    return TXTD_EIO;
}

void database_note_trouble(const struct database *database, int code, const char *text)
{
    struct store_trouble *trouble = &database->trouble->trouble;
    pthread_mutex_lock(&database->trouble->lock);
    if (code == TXTD_ECORRUPT) {
        trouble->damaged_reads++;
        (void)error_describe(&trouble->damage, code, "%s", text);
    } else {
        trouble->failed_writes++;
        (void)error_describe(&trouble->failure, code, "%s", text);
    }
    pthread_mutex_unlock(&database->trouble->lock);
}

/* A table that is missing is named with the suffix of old times, which RocksDB tries last. */
static void name_tables(char *error)
{
    for (char *at = error; (at = strstr(at, ".ldb")) != NULL;) {
        at[1] = at[2] = 's';
        at[3] = 't';
    }
}

/* As error_describe, with RocksDB's words. */
static int describe(const struct database *database, struct error_detail *detail, char *error)
{
    int code = database_error_code(error);
    const char *advice = "";
    name_tables(error);
    if (code == TXTD_ECORRUPT) {
        advice = "; check the disk, then restore the store from a backup";
    } else if (code == TXTD_ENOSPC) {
        advice = "; make room";
    }
    return error_describe(detail, code, "store %s: %s%s", database->directory, error, advice);
}

int database_describe(const struct database *database, struct error_detail *detail, char *error)
{
    int code = describe(database, detail, error);
    if (code == TXTD_ECORRUPT) {
        database_note_trouble(database, code, error);
    }
    rocksdb_free(error);
    return code;
}

/* RocksDB leaves one OPTIONS-*.dbtmp behind at each opening when it cannot finish it, and never removes them; and one LOG.old.* at
 * each opening that fails. Ours are empty. */
static void remove_leftovers(const char *directory)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (fnmatch("OPTIONS-*.dbtmp", entry->d_name, 0) == 0 || fnmatch("LOG.old.*", entry->d_name, 0) == 0) {
            unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    closedir(entries);
}

int database_open(struct database *database, bool make, struct error_detail *detail)
{
    int code = make ? 0 : database_files_check(database->directory, true, detail);
    code = code != 0 ? code : wal_tail_mend(database->directory, detail);
    if (code != 0) {
        return code;
    }
    rocksdb_options_set_create_if_missing(database->options, make);
    rocksdb_options_set_create_missing_column_families(database->options, make);
    char *error = NULL;
    database->db = rocksdb_open_column_families(database->options, database->directory, FAMILY_COUNT, family_names,
                                                (const rocksdb_options_t *const *)database->family_options,
                                                database->families, &error);
    remove_leftovers(database->directory);
    if (error == NULL) {
        return 0;
    }
    database->db = NULL;
    code = describe(database, detail, error);
    rocksdb_free(error);
    return code;
}

int database_open_reader(struct database *database, const char *scratch, struct error_detail *detail)
{
    char *error = NULL;
    /* Every file is opened now: the process that has the store may remove some while we read. */
    rocksdb_options_set_max_open_files(database->options, -1);
    database->db = rocksdb_open_as_secondary_column_families(
        database->options, database->directory, scratch, FAMILY_COUNT, family_names,
        (const rocksdb_options_t *const *)database->family_options, database->families, &error);
    if (error == NULL) {
        return 0;
    }
    database->db = NULL;
    return database_describe(database, detail, error);
}

int database_open_strict_reader(struct database *database, const char *scratch, struct error_detail *detail)
{
    char *error = NULL;
    rocksdb_options_set_max_open_files(database->options, -1);
    rocksdb_options_set_db_log_dir(database->options, scratch);
    database->db = rocksdb_open_for_read_only_column_families(
        database->options, database->directory, FAMILY_COUNT, family_names,
        (const rocksdb_options_t *const *)database->family_options, database->families, 0, &error);
    if (error == NULL) {
        return 0;
    }
    database->db = NULL;
    return database_describe(database, detail, error);
}

void database_close(struct database *database)
{
    if (database->db == NULL) {
        return;
    }
    for (enum database_family family = 0; family < FAMILY_COUNT; family++) {
        rocksdb_column_family_handle_destroy(database->families[family]);
    }
    rocksdb_close(database->db);
    database->db = NULL;
}

void database_read_many(const struct database *database, enum database_family family, size_t count,
                        const char *const keys[], const size_t lens[], rocksdb_pinnableslice_t *values[], int codes[])
{
    char *errors[DATABASE_READ_MAX] = {NULL};
    if (count == 0) {
        return;
    }
    rocksdb_batched_multi_get_cf(database->db, database->read, database->families[family], count, keys, lens, values,
                                 errors, false);
    for (size_t i = 0; i < count; i++) {
        codes[i] = values[i] == NULL ? TXTD_ENOTFOUND : 0;
        if (errors[i] != NULL) {
            codes[i] = database_error_code(errors[i]);
            if (codes[i] == TXTD_ECORRUPT) {
                database_note_trouble(database, codes[i], errors[i]);
            }
            rocksdb_free(errors[i]);
        }
    }
}
