/* acmedns_import.h: an acme-dns's accounts into a store.
 *
 * Done in batches, each one synced write, in the order of usernames. What is there already stays as it is, so an import that was
 * broken off is simply started again. One thread; nobody else has the store.
 */
#ifndef TXTD_CONTROL_TXTCTL_ACMEDNS_IMPORT_H
#define TXTD_CONTROL_TXTCTL_ACMEDNS_IMPORT_H

#include <stdbool.h>

#include "control/txtctl/acmedns_data.h"

struct acmedns_import {
    struct store *store; /* NULL: nothing is there yet (a dry run) */
    uint16_t zone;       /* 0: the store does not know it yet (a dry run) */
    unsigned slots;      /* of the zone */
    int64_t value_expiry_s;
    int64_t now_s;
    bool dry_run;
    void (*progress)(void *context, size_t done, size_t of); /* may be NULL */
    void *context;
    struct acmedns_import_counts {
        size_t imported, present; /* accounts */
        size_t values, values_expired;
        size_t values_rotated; /* newer ones have the delegate's slots */
    } counts;
};

/* Does it; `data` is settled, and gets the refusals of accounts that cannot be had here. Returns 0, or a code with a `detail`:
 * what was imported until then stays. */
int acmedns_import_run(struct acmedns_import *import, struct acmedns_data *data, struct error_detail *detail);

#endif
