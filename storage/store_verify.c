/* Reading all of a store: every block of every table is compared with its checksum on the way. */
#include "storage/backup.h"
#include "storage/store_internal.h"

#define READ_AHEAD ((size_t)2 << 20)

static int verify_family(const struct database *database, enum database_family family, const atomic_bool *stop,
                         struct error_detail *detail)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(options, 1);
    rocksdb_readoptions_set_fill_cache(options, 0);
    rocksdb_readoptions_set_readahead_size(options, READ_AHEAD);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(database->db, options, database->families[family]);
    char *error = NULL;
    int code = 0;
    for (rocksdb_iter_seek_to_first(iterator); code == 0 && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        code = backup_is_stopped(stop, detail) ? TXTD_ECLOSED : 0;
    }
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    return error == NULL ? code : database_describe(database, detail, error);
}

int store_verify(struct store *store, const atomic_bool *stop, struct error_detail *detail)
{
    int code = 0;
    for (enum database_family family = 0; code == 0 && family < FAMILY_COUNT; family++) {
        code = verify_family(&store->database, family, stop, detail);
    }
    return code;
}
