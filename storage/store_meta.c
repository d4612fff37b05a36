/* The meta family: what the store knows of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "storage/octets.h"
#include "storage/store_internal.h"

size_t store_state_encode(uint64_t revision, uint64_t delegates, uint8_t state[STORE_STATE_MAX])
{
    struct octets_writer writer = {.next = state, .end = state + STORE_STATE_MAX};
    octets_write_varint(&writer, revision);
    octets_write_varint(&writer, delegates);
    return (size_t)(writer.next - state);
}

/* Reads `count` varints, and nothing else, from the value of `key`. Returns 0, TXTD_ENOTFOUND or a code with detail. */
static int meta_read(struct store *store, const char *key, size_t count, uint64_t numbers[],
                     struct error_detail *detail)
{
    const struct database *database = &store->database;
    char *error = NULL;
    rocksdb_pinnableslice_t *value =
        rocksdb_get_pinned_cf(database->db, database->read, database->families[FAMILY_META], key, strlen(key), &error);
    if (error != NULL) {
        return database_describe(database, detail, error);
    }
    if (value == NULL) {
        return TXTD_ENOTFOUND;
    }
    size_t len = 0;
    const uint8_t *octets = (const uint8_t *)rocksdb_pinnableslice_value(value, &len);
    struct octets_reader reader = {.next = octets, .end = octets + len};
    for (size_t i = 0; i < count; i++) {
        numbers[i] = octets_read_varint(&reader);
    }
    bool is_whole = !reader.failed && octets_left(&reader) == 0;
    rocksdb_pinnableslice_destroy(value);
    return is_whole
               ? 0
               : error_describe(detail, TXTD_ECORRUPT, "store %s: its meta record '%s' is damaged; restore a backup",
                                database->directory, key);
}

/* A new store: writes the schema number and revision 0, together. */
static int meta_initialise(struct store *store, struct error_detail *detail)
{
    const struct database *database = &store->database;
    uint8_t schema[OCTETS_VARINT_MAX];
    struct octets_writer writer = {.next = schema, .end = schema + sizeof(schema)};
    octets_write_varint(&writer, RECORD_SCHEMA);
    uint8_t state[STORE_STATE_MAX];
    size_t state_len = store_state_encode(0, 0, state);

    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(batch, database->families[FAMILY_META], META_SCHEMA, strlen(META_SCHEMA),
                              (const char *)schema, (size_t)(writer.next - schema));
    rocksdb_writebatch_put_cf(batch, database->families[FAMILY_META], META_STATE, strlen(META_STATE),
                              (const char *)state, state_len);
    char *error = NULL;
    rocksdb_write(database->db, database->write, batch, &error);
    rocksdb_writebatch_destroy(batch);
    return error == NULL ? 0 : database_describe(database, detail, error);
}

/* meta_read of what every store has. */
static int meta_read_own(struct store *store, const char *key, size_t count, uint64_t numbers[],
                         struct error_detail *detail)
{
    int code = meta_read(store, key, count, numbers, detail);
    return code != TXTD_ENOTFOUND
               ? code
               : error_describe(detail, TXTD_ECORRUPT, "store %s: its meta record '%s' is gone; restore a backup",
                                store->database.directory, key);
}

static int meta_read_state(struct store *store, uint64_t state[2], struct error_detail *detail)
{
    int code = meta_read_own(store, META_STATE, 2, state, detail);
    return code != 0 || state[1] <= state[0]
               ? code
               : error_describe(detail, TXTD_ECORRUPT,
                                "store %s: counts %llu delegates at revision %llu, which cannot be; restore a backup",
                                store->database.directory, (unsigned long long)state[1], (unsigned long long)state[0]);
}

int store_meta_load(struct store *store, bool make, struct error_detail *detail)
{
    uint64_t schema = 0;
    uint64_t state[2] = {0, 0};
    if (make && meta_read(store, META_SCHEMA, 1, &schema, NULL) == TXTD_ENOTFOUND) {
        return meta_initialise(store, detail);
    }
    int code = meta_read_own(store, META_SCHEMA, 1, &schema, detail);
    if (code == 0 && schema > RECORD_SCHEMA) {
        return error_describe(detail, TXTD_EUNSUPPORTED,
                              "store %s: has layout %llu, this txtd knows up to %d; start the newer txtd that wrote it",
                              store->database.directory, (unsigned long long)schema, RECORD_SCHEMA);
    }
    if (code == 0) {
        code = meta_read_state(store, state, detail);
    }
    if (code != 0) {
        return code;
    }
    atomic_store(&store->revision, state[0]);
    atomic_store(&store->delegates, state[1]);
    return 0;
}

int store_meta_check(struct store *store)
{
    uint64_t state[2] = {0, 0};
    int code = meta_read_state(store, state, NULL);
    return code == 0 && state[0] < atomic_load(&store->revision) ? TXTD_ECORRUPT : code;
}

/* One below the highest 16-bit number: the range of every zone then has a key above it. */
enum { ZONE_NUMBER_MAX = UINT16_MAX - 1 };

/* Calls `each` with the number of every zone. Returns 0 or a code with detail. */
static int zones_each(struct store *store, void (*each)(void *context, uint16_t number), void *context,
                      struct error_detail *detail)
{
    const struct database *database = &store->database;
    size_t prefix_len = strlen(META_ZONE_PREFIX);
    int code = 0;
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(database->db, database->read, database->families[FAMILY_META]);
    for (rocksdb_iter_seek(iterator, META_ZONE_PREFIX, prefix_len); code == 0 && rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        size_t key_len = 0;
        const char *key = rocksdb_iter_key(iterator, &key_len);
        if (key_len < prefix_len || memcmp(key, META_ZONE_PREFIX, prefix_len) != 0) {
            break;
        }
        size_t len = 0;
        const uint8_t *value = (const uint8_t *)rocksdb_iter_value(iterator, &len);
        struct octets_reader reader = {.next = value, .end = value + len};
        uint16_t number = (uint16_t)octets_read_bounded(&reader, ZONE_NUMBER_MAX);
        if (reader.failed || octets_left(&reader) != 0) {
            code =
                error_describe(detail, TXTD_ECORRUPT, "store %s: its meta record '%.*s' is damaged; restore a backup",
                               database->directory, (int)key_len, key);
            break;
        }
        each(context, number);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    return error == NULL ? code : database_describe(database, detail, error);
}

struct zone_list {
    uint16_t *numbers;
    size_t count;
};

static void zone_list_add(void *context, uint16_t number)
{
    struct zone_list *list = context;
    if (list->count < ZONE_NUMBER_MAX) {
        list->numbers[list->count++] = number;
    }
}

int store_zone_numbers(struct store *store, uint16_t **numbers, size_t *count, struct error_detail *detail)
{
    struct zone_list list = {.numbers = malloc(ZONE_NUMBER_MAX * sizeof(uint16_t))};
    if (list.numbers == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "store %s: no memory for the list of zones",
                              store->database.directory);
    }
    int code = zones_each(store, zone_list_add, &list, detail);
    if (code != 0) {
        free(list.numbers);
        return code;
    }
    *numbers = list.numbers;
    *count = list.count;
    return 0;
}

static void zone_highest(void *context, uint16_t number)
{
    uint16_t *highest = context;
    *highest = number > *highest ? number : *highest;
}

/* Gives `key` the number after the highest, durably. */
static int zone_add(struct store *store, const char *key, uint16_t *number, struct error_detail *detail)
{
    const struct database *database = &store->database;
    uint16_t highest = 0;
    int code = zones_each(store, zone_highest, &highest, detail);
    if (code != 0) {
        return code;
    }
    if (highest >= ZONE_NUMBER_MAX) {
        return error_describe(detail, TXTD_EFULL, "store %s: has all the %d zones a store can have",
                              database->directory, ZONE_NUMBER_MAX);
    }
    uint8_t value[OCTETS_VARINT_MAX];
    struct octets_writer writer = {.next = value, .end = value + sizeof(value)};
    octets_write_varint(&writer, highest + 1U);
    char *error = NULL;
    rocksdb_put_cf(database->db, database->write, database->families[FAMILY_META], key, strlen(key),
                   (const char *)value, (size_t)(writer.next - value), &error);
    if (error != NULL) {
        return database_describe(database, detail, error);
    }
    *number = (uint16_t)(highest + 1);
    return 0;
}

static int zone_number(struct store *store, const char *apex, bool make, uint16_t *number, struct error_detail *detail)
{
    char key[sizeof(META_ZONE_PREFIX) + STORE_ZONE_NAME_MAX];
    if (strlen(apex) >= STORE_ZONE_NAME_MAX) {
        return error_describe(detail, TXTD_EINVAL, "zone name of %zu characters: it may have up to %d", strlen(apex),
                              STORE_ZONE_NAME_MAX - 1);
    }
    snprintf(key, sizeof(key), META_ZONE_PREFIX "%s", apex);
    pthread_rwlock_rdlock(&store->reopening);
    uint64_t known = 0;
    int code = TXTD_EIO;
    if (store->database.db == NULL) {
        error_describe(detail, code, "store %s: is closed after an I/O error", store->database.directory);
    } else {
        code = meta_read(store, key, 1, &known, detail);
        *number = (uint16_t)known;
        if (code == TXTD_ENOTFOUND && make) {
            code = zone_add(store, key, number, detail);
        }
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}

int store_zone_number(struct store *store, const char *apex, uint16_t *number, struct error_detail *detail)
{
    return zone_number(store, apex, true, number, detail);
}

int store_zone_find(struct store *store, const char *apex, uint16_t *number, struct error_detail *detail)
{
    return zone_number(store, apex, false, number, detail);
}

/* Reads it. Returns 0, TXTD_ENOTFOUND or a code with detail. */
static int secret_read(const struct database *database, uint8_t secret[STORE_SECRET_LEN], struct error_detail *detail)
{
    char *error = NULL;
    size_t len = 0;
    rocksdb_pinnableslice_t *value = rocksdb_get_pinned_cf(
        database->db, database->read, database->families[FAMILY_META], META_SECRET, strlen(META_SECRET), &error);
    if (error != NULL) {
        return database_describe(database, detail, error);
    }
    if (value == NULL) {
        return TXTD_ENOTFOUND;
    }
    const char *octets = rocksdb_pinnableslice_value(value, &len);
    if (len == STORE_SECRET_LEN) {
        memcpy(secret, octets, len);
    }
    rocksdb_pinnableslice_destroy(value);
    return len == STORE_SECRET_LEN
               ? 0
               : error_describe(detail, TXTD_ECORRUPT,
                                "store %s: its meta record '" META_SECRET "' is damaged; restore a backup",
                                database->directory);
}

static int secret_make(const struct database *database, uint8_t secret[STORE_SECRET_LEN], struct error_detail *detail)
{
    char *error = NULL;
    if (getrandom(secret, STORE_SECRET_LEN, 0) != STORE_SECRET_LEN) {
        return error_describe(detail, TXTD_ESYS, "store %s: no random numbers for its secret", database->directory);
    }
    rocksdb_put_cf(database->db, database->write, database->families[FAMILY_META], META_SECRET, strlen(META_SECRET),
                   (const char *)secret, STORE_SECRET_LEN, &error);
    return error == NULL ? 0 : database_describe(database, detail, error);
}

int store_secret(struct store *store, uint8_t secret[STORE_SECRET_LEN], struct error_detail *detail)
{
    pthread_rwlock_rdlock(&store->reopening);
    const struct database *database = &store->database;
    int code = TXTD_EIO;
    if (database->db == NULL) {
        error_describe(detail, code, "store %s: is closed after an I/O error", database->directory);
    } else {
        code = secret_read(database, secret, detail);
        code = code == TXTD_ENOTFOUND ? secret_make(database, secret, detail) : code;
    }
    pthread_rwlock_unlock(&store->reopening);
    return code;
}
