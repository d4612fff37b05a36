/* The start-up scan: delegates in disjoint ranges of their (random) UUIDs, each range in every zone by one thread. */
#include <pthread.h>
#include <stdlib.h>

#include "storage/store_internal.h"

#define READ_AHEAD ((size_t)2 << 20) /* octets: large sequential reads, whatever the device */

struct scan {
    struct store *store;
    const uint16_t *zones;
    size_t zones_count;
    unsigned parts;
    store_scan_fn each;
    void *context;
    _Atomic int stopped; /* the first code that is not 0: all parts end */
};

struct scan_part {
    struct scan *scan;
    unsigned part;
    pthread_t thread;
    uint64_t live; /* delegates handed over */
    struct error_detail detail;
    int code;
};

/* The first 4 octets of the lowest UUID of a part; one above the highest for part == parts. */
static uint64_t part_begin(const struct scan *scan, unsigned part)
{
    return (((uint64_t)1 << 32) * part) / scan->parts;
}

/* The lowest key of a zone whose UUID starts with `begin` or more; the next zone's first key for 2^32. */
static size_t bound_key(uint16_t zone, uint64_t begin, uint8_t key[RECORD_DELEGATE_KEY_LEN])
{
    zone = (uint16_t)(zone + (begin >> 32)); /* no zone has the highest number */
    key[0] = (uint8_t)(zone >> 8);
    key[1] = (uint8_t)zone;
    for (int i = 0; i < 4; i++) {
        key[2 + i] = (uint8_t)(begin >> (24 - 8 * i));
    }
    return 2 + 4;
}

/* Hands over the record under the iterator. */
static int scan_record(struct scan_part *part, const rocksdb_iterator_t *iterator, struct delegate_state *state)
{
    size_t key_len = 0;
    size_t len = 0;
    const uint8_t *key = (const uint8_t *)rocksdb_iter_key(iterator, &key_len);
    const uint8_t *record = (const uint8_t *)rocksdb_iter_value(iterator, &len);
    int code = record_delegate_key_decode(key, key_len, &state->zone, &state->id);
    if (code == 0) {
        code = record_delegate_decode(record, len, state);
    }
    if (code != 0) {
        char id[DELEGATE_ID_TEXT_LEN + 1] = "with a bad key";
        if (key_len == RECORD_DELEGATE_KEY_LEN) {
            delegate_id_format(&state->id, id);
        }
        return error_describe(&part->detail, code, "store %s: the record of delegate %s: %s; restore a backup",
                              part->scan->store->database.directory, id, txtd_error_text(code));
    }
    part->live += !state->deleted;
    return state->deleted ? 0 : part->scan->each(part->scan->context, part->part, state);
}

static int scan_zone(struct scan_part *part, uint16_t zone, struct delegate_state *state)
{
    struct scan *scan = part->scan;
    const struct database *database = &scan->store->database;
    uint8_t from[RECORD_DELEGATE_KEY_LEN];
    uint8_t to[RECORD_DELEGATE_KEY_LEN];
    size_t from_len = bound_key(zone, part_begin(scan, part->part), from);
    size_t to_len = bound_key(zone, part_begin(scan, part->part + 1), to);

    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(options, 0);
    rocksdb_readoptions_set_readahead_size(options, READ_AHEAD);
    rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)to, to_len);
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(database->db, options, database->families[FAMILY_DELEGATES]);
    int code = 0;
    for (rocksdb_iter_seek(iterator, (const char *)from, from_len); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        code = scan_record(part, iterator, state);
        if (code != 0 || atomic_load_explicit(&scan->stopped, memory_order_relaxed) != 0) {
            break;
        }
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    if (error != NULL) {
        code = database_describe(database, &part->detail, error);
    }
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    return code;
}

static void *scan_part_run(void *argument)
{
    struct scan_part *part = argument;
    struct scan *scan = part->scan;
    struct delegate_state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        part->code = error_describe(&part->detail, TXTD_ENOMEM, "no memory for the scan");
    }
    for (size_t i = 0; state != NULL && part->code == 0 && i < scan->zones_count; i++) {
        part->code = scan_zone(part, scan->zones[i], state);
    }
    free(state);
    if (part->code != 0) {
        int none = 0;
        atomic_compare_exchange_strong(&scan->stopped, &none, part->code);
    }
    return NULL;
}

/* Runs all parts, the last on this thread. Returns the first code that stopped one. */
static int scan_run(struct scan *scan, struct scan_part parts[], struct error_detail *detail)
{
    unsigned started = 0;
    for (unsigned i = 0; i < scan->parts; i++) {
        parts[i] = (struct scan_part){.scan = scan, .part = i};
    }
    while (started + 1 < scan->parts &&
           pthread_create(&parts[started].thread, NULL, scan_part_run, &parts[started]) == 0) {
        started++;
    }
    for (unsigned i = started; i < scan->parts; i++) { /* the last one, and any for which there was no thread */
        scan_part_run(&parts[i]);
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
    }
    int code = atomic_load(&scan->stopped);
    for (unsigned i = 0; i < scan->parts && code != 0 && detail != NULL; i++) {
        if (parts[i].code == code) {
            *detail = parts[i].detail;
            break;
        }
    }
    if (code != 0 && detail != NULL && detail->text[0] == '\0') {
        error_describe(detail, code, "the scan of store %s was stopped: %s", scan->store->database.directory,
                       txtd_error_text(code));
    }
    return code;
}

/* Every commit writes how many delegates there are then: another number means that a part of the store is older than the rest,
 * or gone. */
static int scan_compare(const struct scan *scan, const struct scan_part parts[], struct error_detail *detail)
{
    uint64_t live = 0;
    uint64_t wanted = store_delegates_estimate(scan->store);
    for (unsigned i = 0; i < scan->parts; i++) {
        live += parts[i].live;
    }
    return live == wanted
               ? 0
               : error_describe(detail, TXTD_ECORRUPT,
                                "store %s: holds %llu delegates, and should hold %llu: a part of it is "
                                "missing or older than the rest; restore the store from a backup",
                                scan->store->database.directory, (unsigned long long)live, (unsigned long long)wanted);
}

int store_scan(struct store *store, unsigned parts, store_scan_fn each, void *context, struct error_detail *detail)
{
    if (parts == 0) {
        return error_describe(detail, TXTD_EINVAL, "a scan in no parts");
    }
    struct scan scan = {.store = store, .parts = parts, .each = each, .context = context};
    struct scan_part *list = calloc(parts, sizeof(*list));
    if (list == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "no memory for a scan in %u parts", parts);
    }
    pthread_rwlock_rdlock(&store->reopening);
    uint16_t *zones = NULL;
    int code = TXTD_EIO;
    if (store->database.db == NULL) {
        error_describe(detail, code, "store %s: is closed after an I/O error", store->database.directory);
    } else {
        code = store_zone_numbers(store, &zones, &scan.zones_count, detail);
    }
    if (code == 0) {
        scan.zones = zones;
        code = scan_run(&scan, list, detail);
        code = code != 0 ? code : scan_compare(&scan, list, detail);
    }
    pthread_rwlock_unlock(&store->reopening);
    free(zones);
    free(list);
    return code;
}
