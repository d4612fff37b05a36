#include "control/txtctl/acmedns_import.h"

#include <stdlib.h>
#include <string.h>

#include "control/rotation.h"

#define BATCH_MAX    4096 /* accounts of one commit */
#define FIRST_KEY_ID 1

/* One batch; too large for a stack. */
struct batch {
    const struct acmedns_account *from[BATCH_MAX]; /* those that are new */
    struct store_account accounts[BATCH_MAX];
    struct delegate_state delegates[BATCH_MAX];
    struct store_lookup lookups[BATCH_MAX];
    struct store_change changes[BATCH_MAX];
    size_t count;
};

static void fill_account(const struct acmedns_import *import, const struct acmedns_data *data,
                         const struct acmedns_account *from, struct store_account *account)
{
    *account = (struct store_account){
        .username = from->username,
        .delegate = from->delegate,
        .zone = import->zone,
        .keys_count = 1,
        .allowfrom_count = from->allowfrom_count,
        .created_s = import->now_s,
        .version = 1,
    };
    struct store_key *key = &account->keys[0];
    key->scheme = STORE_KEY_BCRYPT;
    key->hash_len = BCRYPT_HASH_LEN;
    key->key_id = FIRST_KEY_ID;
    key->created_s = import->now_s;
    memcpy(key->hash, from->hash, BCRYPT_HASH_LEN);
    if (from->allowfrom_count > 0) { /* else there may be no list at all */
        memcpy(account->allowfrom, data->allowfrom + from->allowfrom_at,
               from->allowfrom_count * sizeof account->allowfrom[0]);
    }
}

/* The values as if they had been set here when they were set there. */
static void fill_delegate(struct acmedns_import *import, const struct acmedns_data *data,
                          const struct acmedns_account *from, struct delegate_state *delegate)
{
    size_t count;
    const struct acmedns_value *values = acmedns_data_values(data, &from->delegate, &count);
    size_t live = 0;
    *delegate = (struct delegate_state){.id = from->delegate, .zone = import->zone, .version = 1};
    for (size_t i = 0; i < count; i++) {
        int64_t set_at_s =
            values[i].set_at_s == 0 || values[i].set_at_s > import->now_s ? import->now_s : values[i].set_at_s;
        if (import->value_expiry_s != 0 && set_at_s + import->value_expiry_s <= import->now_s) {
            import->counts.values_expired++;
            continue;
        }
        (void)rotation_apply(delegate, import->slots, import->value_expiry_s, values[i].text, sizeof values[i].text,
                             set_at_s);
        live++;
    }
    import->counts.values_rotated += live - delegate->values_count;
    import->counts.values += delegate->values_count;
}

/* Whether the account can be had: NULL, or why not; *present says that it is there already. */
static const char *judge(const struct acmedns_import *import, const struct acmedns_account *from,
                         const struct store_lookup *found, bool *present)
{
    const struct store_account *account = found->account;
    *present = false;
    if (found->account_result == 0 && account->deleted) {
        return "it was deleted here";
    }
    if (found->account_result == 0) {
        *present = import->zone != 0 && account->zone == import->zone &&
                   memcmp(&account->delegate, &from->delegate, sizeof from->delegate) == 0;
        return *present ? NULL : "its username belongs to another delegate here";
    }
    if (found->delegate_result == 0) {
        return found->delegate->deleted ? "its delegate was deleted here"
                                        : "its delegate belongs to another account here";
    }
    return NULL;
}

/* Looks at what is there; leaves the new ones in the batch, filled in. */
static int prepare(struct acmedns_import *import, struct acmedns_data *data, size_t at, size_t count,
                   struct batch *batch, struct error_detail *detail)
{
    for (size_t i = 0; i < count; i++) {
        const struct acmedns_account *from = &data->accounts[at + i];
        batch->accounts[i].username = from->username;
        batch->delegates[i].id = from->delegate;
        batch->delegates[i].zone = import->zone;
        batch->lookups[i] = (struct store_lookup){.delegate = &batch->delegates[i],
                                                  .account = &batch->accounts[i],
                                                  .delegate_result = TXTD_ENOTFOUND,
                                                  .account_result = TXTD_ENOTFOUND};
    }
    if (import->store != NULL) {
        store_read_many(import->store, batch->lookups, count);
    }
    batch->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct acmedns_account *from = &data->accounts[at + i];
        const struct store_lookup *found = &batch->lookups[i];
        bool present;
        if ((found->account_result != 0 && found->account_result != TXTD_ENOTFOUND) ||
            (found->delegate_result != 0 && found->delegate_result != TXTD_ENOTFOUND)) {
            int code = found->account_result != 0 && found->account_result != TXTD_ENOTFOUND ? found->account_result
                                                                                             : found->delegate_result;
            return error_describe(detail, code, "the store cannot be read: %s", txtd_error_text(code));
        }
        const char *reason = judge(import, from, found, &present);
        if (reason != NULL) {
            int code = acmedns_data_refuse(data, &from->username, reason);
            if (code != 0) {
                return error_describe(detail, code, "%s", txtd_error_text(code));
            }
        } else if (present) {
            import->counts.present++;
        } else {
            batch->from[batch->count++] = from;
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        fill_account(import, data, batch->from[i], &batch->accounts[i]);
        fill_delegate(import, data, batch->from[i], &batch->delegates[i]);
        batch->changes[i] = (struct store_change){.delegate = &batch->delegates[i], .account = &batch->accounts[i]};
    }
    return 0;
}

static int commit(const struct acmedns_import *import, struct batch *batch, struct error_detail *detail)
{
    uint64_t revision;
    int code = store_commit(import->store, batch->changes, batch->count, &revision);
    for (size_t i = 0; i < batch->count && code == 0; i++) {
        code = batch->changes[i].result;
    }
    return code == 0 ? 0
                     : error_describe(detail, code,
                                      "the store takes no more: %s; what was imported stays: mend that, and start the "
                                      "import again",
                                      txtd_error_text(code));
}

int acmedns_import_run(struct acmedns_import *import, struct acmedns_data *data, struct error_detail *detail)
{
    struct batch *batch = calloc(1, sizeof *batch);
    int code = 0;
    if (batch == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "no memory for a batch");
    }
    for (size_t at = 0; code == 0 && at < data->accounts_count; at += BATCH_MAX) {
        size_t left = data->accounts_count - at;
        size_t count = left < BATCH_MAX ? left : BATCH_MAX;
        code = prepare(import, data, at, count, batch, detail);
        if (code == 0 && !import->dry_run && batch->count > 0) {
            code = commit(import, batch, detail);
        }
        if (code == 0) {
            import->counts.imported += batch->count;
        }
        if (code == 0 && import->progress != NULL) {
            import->progress(import->context, at + count, data->accounts_count);
        }
    }
    free(batch);
    return code;
}
