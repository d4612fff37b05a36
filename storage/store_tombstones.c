#include "storage/store_tombstones.h"

#include <stdlib.h>
#include <string.h>

#include "storage/burial.h"
#include "storage/store_internal.h"

#define PAGE 256

#define REVOKED_PREFIX "revoked/" /* as record_revoked_key writes it */

static int commit_one(struct store *to, struct store_change *change)
{
    uint64_t revision = 0;
    int code = store_commit(to, change, 1, &revision);
    return code != 0 ? code : change->result;
}

/* An account that is deleted in the other store. */
static int carry_deletion(struct store *to, const struct store_account *gone, size_t *count)
{
    struct store_account account;
    struct delegate_state *delegate = calloc(1, sizeof *delegate);
    int code = delegate == NULL ? TXTD_ENOMEM : store_read_account(to, &gone->username, &account);
    if (code != 0 || account.deleted) {
        free(delegate);
        return code == TXTD_ENOTFOUND ? 0 : code;
    }
    code = store_read_delegate(to, account.zone, &account.delegate, delegate);
    if (code == 0 || code == TXTD_ENOTFOUND) {
        bool has_delegate = code == 0 && !delegate->deleted;
        account_bury(&account);
        account.version++;
        delegate_bury(delegate);
        delegate->version++;
        struct store_change change = {.account = &account, .delegate = has_delegate ? delegate : NULL};
        code = commit_one(to, &change);
        *count += code == 0;
    }
    free(delegate);
    return code;
}

/* Behind a part of `from` that cannot be read: a 4096th of all usernames, which are random, is passed over. Returns false when
 * there are none behind. */
static bool pass_over(struct delegate_id *after)
{
    struct delegate_id end;
    unsigned part = (unsigned)(after->octets[0] << 4 | after->octets[1] >> 4);
    memset(end.octets, 0xff, sizeof end.octets);
    end.octets[0] = after->octets[0];
    end.octets[1] = (uint8_t)(after->octets[1] | 0xf);
    part += memcmp(&end, after, sizeof end) == 0; /* of the part before, this is the last one */
    if (part > 0xfff) {
        return false;
    }
    end.octets[0] = (uint8_t)(part >> 4);
    end.octets[1] = (uint8_t)(part << 4 | 0xf);
    *after = end;
    return true;
}

static int carry_page(struct store *to, const struct store_account page[], unsigned count, size_t *carried)
{
    int code = 0;
    for (unsigned i = 0; code == 0 && i < count; i++) {
        code = page[i].deleted ? carry_deletion(to, &page[i], carried) : 0;
    }
    return code;
}

static int carry_deletions(struct store *from, struct store *to, struct store_tombstones *carried)
{
    struct store_account *page = calloc(PAGE, sizeof *page);
    struct delegate_id after = {{0}};
    unsigned limit = PAGE;
    int code = page == NULL ? TXTD_ENOMEM : 0;
    bool first = true;
    for (bool more = true; code == 0 && more;) {
        unsigned count = 0;
        if (store_read_accounts(from, first ? NULL : &after, limit, page, &count) == 0) {
            code = carry_page(to, page, count, &carried->deleted);
            more = count == limit;
            if (count > 0) {
                after = page[count - 1].username;
                first = false;
            }
            limit = limit * 2 < PAGE ? limit * 2 : PAGE;
        } else if (limit > 1) {
            limit = 1; /* up to the very account that cannot be read */
        } else {
            carried->incomplete = true;
            more = pass_over(&after);
            first = false;
        }
    }
    free(page);
    return code;
}

/* A key is found by its number, which an account gives out once: what is revoked as a hash of ours may be one of bcrypt in the
 * older copy. */
static int carry_revocation(struct store *to, const struct store_key *hash, const struct store_revoked *revoked,
                            size_t *count)
{
    struct store_account account;
    int code = store_read_account(to, &revoked->username, &account);
    if (code != 0 || account.deleted) {
        return code == TXTD_ENOTFOUND ? 0 : code;
    }
    for (unsigned i = 0; i < account.keys_count; i++) {
        if (account.keys[i].key_id != revoked->key_id) {
            continue;
        }
        uint32_t highest = store_account_highest_key_id(&account);
        account.last_key_id = highest > account.last_key_id ? highest : account.last_key_id;
        account.keys_count--;
        memmove(&account.keys[i], &account.keys[i + 1], (account.keys_count - i) * sizeof account.keys[0]);
        account.version++;
        struct store_key tombstone = *hash;
        tombstone.key_id = revoked->key_id;
        struct store_change change = {.account = &account, .revoked = &tombstone};
        code = commit_one(to, &change);
        *count += code == 0;
        return code;
    }
    return 0;
}

/* The tombstone under the iterator. */
static int read_revoked(const rocksdb_iterator_t *iterator, struct store_key *hash, struct store_revoked *revoked)
{
    size_t key_len = 0, len = 0, prefix_len = strlen(REVOKED_PREFIX);
    const char *key = rocksdb_iter_key(iterator, &key_len);
    const uint8_t *record = (const uint8_t *)rocksdb_iter_value(iterator, &len);
    *hash = (struct store_key){0};
    if (key_len <= prefix_len || key_len - prefix_len - 1 > sizeof hash->hash) {
        return TXTD_ECORRUPT;
    }
    hash->scheme = (uint8_t)key[prefix_len];
    hash->hash_len = (uint8_t)(key_len - prefix_len - 1);
    memcpy(hash->hash, key + prefix_len + 1, hash->hash_len);
    return record_revoked_decode(record, len, revoked);
}

static int carry_revocations(struct store *from, struct store *to, struct store_tombstones *carried)
{
    const struct database *database = &from->database;
    int code = 0;
    pthread_rwlock_rdlock(&from->reopening);
    if (database->db == NULL) {
        pthread_rwlock_unlock(&from->reopening);
        carried->incomplete = true;
        return 0;
    }
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(database->db, database->read, database->families[FAMILY_META]);
    for (rocksdb_iter_seek(iterator, REVOKED_PREFIX, strlen(REVOKED_PREFIX)); code == 0 && rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        struct store_key hash;
        struct store_revoked revoked;
        size_t len = 0;
        const char *key = rocksdb_iter_key(iterator, &len);
        if (len < strlen(REVOKED_PREFIX) || memcmp(key, REVOKED_PREFIX, strlen(REVOKED_PREFIX)) != 0) {
            break;
        }
        if (read_revoked(iterator, &hash, &revoked) == 0) {
            code = carry_revocation(to, &hash, &revoked, &carried->revoked);
        } else {
            carried->incomplete = true;
        }
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    carried->incomplete = carried->incomplete || error != NULL;
    rocksdb_free(error);
    rocksdb_iter_destroy(iterator);
    pthread_rwlock_unlock(&from->reopening);
    return code;
}

int store_tombstones_carry(struct store *from, struct store *to, struct store_tombstones *carried,
                           struct error_detail *detail)
{
    *carried = (struct store_tombstones){0};
    int code = carry_deletions(from, to, carried);
    code = code != 0 ? code : carry_revocations(from, to, carried);
    return code == 0 ? 0
                     : error_describe(detail, code, "what was deleted since the backup cannot be carried over: %s",
                                      txtd_error_text(code));
}
