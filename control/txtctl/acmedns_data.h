/* acmedns_data.h: the accounts and values of an acme-dns, read into memory and checked, wherever they come from.
 *
 * A reader (acmedns_source.h) adds rows in any order; acmedns_data_settle sorts them. About 120 octets an account and 80 a
 * value. What cannot be taken over is kept as a refusal with its reason. One thread.
 */
#ifndef TXTD_CONTROL_TXTCTL_ACMEDNS_DATA_H
#define TXTD_CONTROL_TXTCTL_ACMEDNS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/bcrypt.h"
#include "dataplane/error.h"
#include "dataplane/zone/delegate.h"
#include "storage/store.h"

#define ACMEDNS_DATA_VALUE_LEN    43
#define ACMEDNS_DATA_SUBJECT_SIZE 48

struct acmedns_account {
    struct delegate_id username, delegate;
    uint32_t allowfrom_at; /* into acmedns_data.allowfrom */
    uint8_t allowfrom_count;
    char hash[BCRYPT_HASH_LEN];
};

struct acmedns_value {
    struct delegate_id delegate;
    int64_t set_at_s;
    uint32_t order; /* of reading: which of two of the same second is the newer one */
    char text[ACMEDNS_DATA_VALUE_LEN];
};

/* What is not taken over. */
struct acmedns_refusal {
    char
        subject[ACMEDNS_DATA_SUBJECT_SIZE]; /* a username, or the subdomain of a value; unprintable characters as '?' */
    const char *reason;                     /* static */
};

struct acmedns_data {
    struct acmedns_account *accounts;
    struct acmedns_value *values;
    struct store_cidr *allowfrom;
    struct acmedns_refusal *refusals;
    size_t accounts_count, accounts_room;
    size_t values_count, values_room;
    size_t allowfrom_count, allowfrom_room;
    size_t refusals_count, refusals_room;
    size_t accounts_seen; /* rows of records */
    bool records_seen;    /* the table, even if it was empty */
    bool version_seen;
    char version[16]; /* db_version, as far as it fits; unprintable characters as '?' */
};

/* One column of a row: octets, NULL for SQL's NULL. */
struct acmedns_field {
    const char *text;
    size_t len;
};

/* Rows of the tables records, txt and acmedns, columns in this order. Return 0 (refused, too) or TXTD_ENOMEM. */
int acmedns_data_add_record(struct acmedns_data *data, struct acmedns_field username, struct acmedns_field password,
                            struct acmedns_field subdomain, struct acmedns_field allowfrom);
int acmedns_data_add_txt(struct acmedns_data *data, struct acmedns_field subdomain, struct acmedns_field value,
                         struct acmedns_field last_update);
int acmedns_data_add_setting(struct acmedns_data *data, struct acmedns_field name, struct acmedns_field value);

/* After the last row: checks the version and that there were accounts to be read, sorts accounts by username and values by delegate and
 * age, refuses what occurs twice, and values that are no account's. Returns 0, TXTD_EUNSUPPORTED or TXTD_EINVAL with a `detail`, or
 * TXTD_ENOMEM. */
int acmedns_data_settle(struct acmedns_data *data, struct error_detail *detail);

/* The values of a delegate, oldest first: *count of them. After acmedns_data_settle. */
const struct acmedns_value *acmedns_data_values(const struct acmedns_data *data, const struct delegate_id *delegate,
                                                size_t *count);

/* Notes that an account is not taken over. `reason` is static. Returns 0 or TXTD_ENOMEM. */
int acmedns_data_refuse(struct acmedns_data *data, const struct delegate_id *username, const char *reason);

void acmedns_data_free(struct acmedns_data *data);

#endif
