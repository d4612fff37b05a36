/* What is in the store after a storm, against what the storm acknowledged. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/faults/storm.h"

static int count_one(void *context, unsigned part, const struct delegate_state *state)
{
    (void)part;
    (void)state;
    atomic_fetch_add((_Atomic uint64_t *)context, 1);
    return 0;
}

/* One delegate: nothing that was acknowledged may be missing, and its account must be there exactly when it is. Returns 1 when
 * an update is missing, 0, or -1. */
static int check_delegate(struct store *store, uint16_t zone, uint32_t number, uint32_t *acked)
{
    struct delegate_id id = storm_delegate_id(number);
    struct delegate_id username = storm_username(number);
    struct delegate_state state = {.values_count = 0};
    struct store_account account;
    int code = store_read_delegate(store, zone, &id, &state);
    int account_code = store_read_account(store, &username, &account);
    if ((code != 0 && code != TXTD_ENOTFOUND) || code != account_code) {
        fprintf(stderr, "check: delegate %u: read %d, its account %d\n", number, code, account_code);
        return -1;
    }
    uint32_t stored = storm_newest(&state);
    uint32_t was_acked = *acked;
    *acked = stored;
    if (state.version != stored || stored > was_acked + 1) {
        fprintf(stderr, "check: delegate %u: update %u at version %llu, %u was acknowledged\n", number, stored,
                (unsigned long long)state.version, was_acked);
        return -1;
    }
    return stored < was_acked ? 1 : 0;
}

static int check_store(struct store *store, uint32_t acked[STORM_DELEGATES])
{
    uint16_t zone = 0;
    struct error_detail detail = {""};
    _Atomic uint64_t scanned = 0;
    if (store_zone_number(store, "storm.example", &zone, &detail) != 0 ||
        store_scan(store, 3, count_one, (void *)&scanned, &detail) != 0) {
        fprintf(stderr, "check: %s\n", detail.text);
        return -1;
    }
    int missing = 0;
    uint64_t found = 0;
    uint64_t updates = 0;
    for (uint32_t i = 0; i < STORM_DELEGATES; i++) {
        int code = check_delegate(store, zone, i, &acked[i]);
        if (code < 0) {
            return code;
        }
        missing += code;
        found += acked[i] != 0;
        updates += acked[i];
    }
    if (scanned != found || store_delegates_estimate(store) != found || store_revision(store) != updates) {
        fprintf(stderr, "check: %llu delegates: the scan saw %llu, the count is %llu; %llu updates, revision %llu\n",
                (unsigned long long)found, (unsigned long long)scanned,
                (unsigned long long)store_delegates_estimate(store), (unsigned long long)updates,
                (unsigned long long)store_revision(store));
        return -1;
    }
    return missing;
}

int storm_check(const char *directory, uint32_t acked[STORM_DELEGATES])
{
    struct store *store = NULL;
    struct error_detail detail = {""};
    const struct store_options options = storm_options(directory, true);
    if (store_open(&options, &store, &detail) != 0) {
        fprintf(stderr, "check: %s\n", detail.text);
        return -1;
    }
    int missing = check_store(store, acked);
    store_close(store);
    return missing;
}
