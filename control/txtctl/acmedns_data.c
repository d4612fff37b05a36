#include "control/txtctl/acmedns_data.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/allowfrom.h"
#include "control/config.h"

#define VERSION_KNOWN "1"
#define HEX_PREFIX    "\\x" /* how PostgreSQL writes bytea */

/* --- Lists that grow --- */

/* Room for one more element. Returns the list, or NULL. */
static void *grow(void *list, size_t count, size_t *room, size_t element)
{
    if (count < *room) {
        return list;
    }
    size_t more = *room == 0 ? 1024 : *room * 2;
    void *grown = realloc(list, more * element);
    if (grown != NULL) {
        *room = more;
    }
    return grown;
}

#define ROOM_FOR_ONE(data, list) grow((data)->list, (data)->list##_count, &(data)->list##_room, sizeof *(data)->list)

/* Into zeroed room. */
static void copy_printable(struct acmedns_field field, char *to, size_t room)
{
    for (size_t i = 0; i < field.len && i + 1 < room; i++) {
        to[i] = isprint((unsigned char)field.text[i]) ? field.text[i] : '?';
    }
}

static int refuse(struct acmedns_data *data, struct acmedns_field subject, const char *reason)
{
    struct acmedns_refusal *list = ROOM_FOR_ONE(data, refusals);
    if (list == NULL) {
        return TXTD_ENOMEM;
    }
    data->refusals = list;
    struct acmedns_refusal *refusal = &list[data->refusals_count++];
    *refusal = (struct acmedns_refusal){.reason = reason};
    copy_printable(subject, refusal->subject, sizeof refusal->subject);
    return 0;
}

int acmedns_data_refuse(struct acmedns_data *data, const struct delegate_id *username, const char *reason)
{
    char text[DELEGATE_ID_TEXT_LEN + 1];
    delegate_id_format(username, text);
    return refuse(data, (struct acmedns_field){text, DELEGATE_ID_TEXT_LEN}, reason);
}

/* --- Rows --- */

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
    return found == NULL ? -1 : (int)(found - digits);
}

/* The hash as it is; or as PostgreSQL writes octets. Returns the reason for a refusal, or NULL. */
static const char *read_hash(struct acmedns_field password, char hash[BCRYPT_HASH_LEN])
{
    char octets[BCRYPT_HASH_LEN];
    unsigned cost;
    if (password.len == strlen(HEX_PREFIX) + 2 * sizeof octets &&
        memcmp(password.text, HEX_PREFIX, strlen(HEX_PREFIX)) == 0) {
        const char *hex = password.text + strlen(HEX_PREFIX);
        for (size_t i = 0; i < sizeof octets; i++) {
            int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
            octets[i] = (char)(high < 0 || low < 0 ? 0 : high << 4 | low);
        }
        password = (struct acmedns_field){octets, sizeof octets};
    }
    if (!bcrypt_is_hash(password.text, password.len, &cost)) {
        return "its password is no bcrypt hash";
    }
    if (cost > BCRYPT_COST_MAX) {
        return "its bcrypt hash costs more than 12";
    }
    memcpy(hash, password.text, BCRYPT_HASH_LEN);
    return NULL;
}

static int add_cidr(struct acmedns_data *data, const struct store_cidr *cidr)
{
    struct store_cidr *list = ROOM_FOR_ONE(data, allowfrom);
    if (list == NULL) {
        return TXTD_ENOMEM;
    }
    data->allowfrom = list;
    list[data->allowfrom_count++] = *cidr;
    return 0;
}

/* Reads the list, which may be missing, empty or null. Returns 0 with the reason for a refusal or NULL, or TXTD_ENOMEM. */
static int read_allowfrom(struct acmedns_data *data, struct acmedns_field text, struct acmedns_account *account,
                          const char **reason)
{
    account->allowfrom_at = (uint32_t)data->allowfrom_count;
    *reason = NULL;
    if (text.len == 0) {
        return 0;
    }
    json_t *list = json_loadb(text.text, text.len, JSON_DECODE_ANY, NULL);
    if (!json_is_array(list) && !json_is_null(list)) {
        *reason = "its AllowFrom is no JSON array";
    } else if (json_array_size(list) > STORE_ALLOWFROM_MAX) {
        *reason = "its AllowFrom has more than 32 prefixes";
    }
    size_t index;
    json_t *item;
    int result = 0;
    json_array_foreach(list, index, item)
    {
        struct store_cidr cidr;
        if (*reason != NULL || result != 0) {
            break;
        }
        if (!json_is_string(item) || allowfrom_parse(json_string_value(item), json_string_length(item), &cidr) != 0) {
            *reason = "its AllowFrom has what is no prefix";
        } else {
            result = add_cidr(data, &cidr);
            account->allowfrom_count++;
        }
    }
    json_decref(list);
    return result;
}

static bool is_reserved(const struct delegate_id *delegate)
{
    struct delegate_id reserved;
    return delegate_id_parse(CONFIG_RESERVED_DELEGATE, DELEGATE_ID_TEXT_LEN, &reserved) == 0 &&
           memcmp(&reserved, delegate, sizeof reserved) == 0;
}

int acmedns_data_add_record(struct acmedns_data *data, struct acmedns_field username, struct acmedns_field password,
                            struct acmedns_field subdomain, struct acmedns_field allowfrom)
{
    struct acmedns_account account = {.allowfrom_count = 0};
    const char *reason = NULL;
    data->records_seen = true;
    data->accounts_seen++;
    if (username.text == NULL || delegate_id_parse(username.text, username.len, &account.username) != 0) {
        reason = "its username is no UUID";
    } else if (subdomain.text == NULL || delegate_id_parse(subdomain.text, subdomain.len, &account.delegate) != 0) {
        reason = "its subdomain is no UUID";
    } else if (is_reserved(&account.delegate)) {
        reason = "its subdomain is reserved by txtd";
    } else {
        reason = read_hash(password, account.hash);
    }
    int result = reason == NULL ? read_allowfrom(data, allowfrom, &account, &reason) : 0;
    if (result != 0 || reason != NULL) {
        return result != 0 ? result : refuse(data, username, reason);
    }
    struct acmedns_account *list = ROOM_FOR_ONE(data, accounts);
    if (list == NULL) {
        return TXTD_ENOMEM;
    }
    data->accounts = list;
    list[data->accounts_count++] = account;
    return 0;
}

static bool is_challenge_value(struct acmedns_field value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!isalnum((unsigned char)value.text[i]) && value.text[i] != '-' && value.text[i] != '_') {
            return false;
        }
    }
    return value.len == ACMEDNS_DATA_VALUE_LEN;
}

/* Seconds since 1970; 0 for never. */
static int64_t read_time(struct acmedns_field field)
{
    char text[24] = "";
    if (field.text == NULL || field.len >= sizeof text) {
        return 0;
    }
    memcpy(text, field.text, field.len);
    long long seconds = strtoll(text, NULL, 10);
    return seconds < 0 || seconds > UINT32_MAX ? 0 : (int64_t)seconds;
}

int acmedns_data_add_txt(struct acmedns_data *data, struct acmedns_field subdomain, struct acmedns_field value,
                         struct acmedns_field last_update)
{
    struct acmedns_value made = {.set_at_s = read_time(last_update), .order = (uint32_t)data->values_count};
    if (value.len == 0) {
        return 0; /* a slot that was never used */
    }
    if (subdomain.text == NULL || delegate_id_parse(subdomain.text, subdomain.len, &made.delegate) != 0) {
        return refuse(data, subdomain, "a value of it: the subdomain is no UUID");
    }
    if (!is_challenge_value(value)) {
        return refuse(data, subdomain, "a value of it: not 43 characters of base64url");
    }
    struct acmedns_value *list = ROOM_FOR_ONE(data, values);
    if (list == NULL) {
        return TXTD_ENOMEM;
    }
    memcpy(made.text, value.text, sizeof made.text);
    data->values = list;
    list[data->values_count++] = made;
    return 0;
}

int acmedns_data_add_setting(struct acmedns_data *data, struct acmedns_field name, struct acmedns_field value)
{
    static const char known[] = "db_version";
    bool is_known = data->version_seen && strcmp(data->version, VERSION_KNOWN) == 0;
    if (name.len == strlen(known) && memcmp(name.text, known, name.len) == 0 && (!data->version_seen || is_known)) {
        data->version_seen = true; /* of two, the one that we do not know counts */
        memset(data->version, 0, sizeof data->version);
        copy_printable(value, data->version, sizeof data->version);
    }
    return 0;
}

/* --- All of them --- */

static int by_username(const void *a, const void *b)
{
    return memcmp(&((const struct acmedns_account *)a)->username, &((const struct acmedns_account *)b)->username,
                  sizeof(struct delegate_id));
}

/* Which account has the delegate. */
struct owner {
    struct delegate_id delegate;
    uint32_t account;
};

static int by_delegate(const void *a, const void *b)
{
    return memcmp(&((const struct owner *)a)->delegate, &((const struct owner *)b)->delegate,
                  sizeof(struct delegate_id));
}

static int by_age(const void *a, const void *b)
{
    const struct acmedns_value *first = a, *second = b;
    int order = memcmp(&first->delegate, &second->delegate, sizeof first->delegate);
    if (order != 0) {
        return order;
    }
    if (first->set_at_s != second->set_at_s) {
        return first->set_at_s < second->set_at_s ? -1 : 1;
    }
    return first->order < second->order ? -1 : 1;
}

/* Drops the accounts that have the username or the delegate of another one. Which of them is right cannot be known, so none
 * of them is taken. */
static int refuse_doubles(struct acmedns_data *data)
{
    size_t count = data->accounts_count, kept = 0;
    int result = 0;
    struct owner *order = calloc(count + 1, sizeof *order);
    bool *is_double = calloc(count + 1, sizeof *is_double);
    for (size_t i = 0; order != NULL && i < count; i++) {
        order[i] = (struct owner){data->accounts[i].delegate, (uint32_t)i};
    }
    if (order == NULL || is_double == NULL) {
        result = TXTD_ENOMEM;
    } else {
        qsort(order, count, sizeof *order, by_delegate);
    }
    for (size_t i = 1; result == 0 && i < count; i++) {
        if (by_delegate(&order[i - 1], &order[i]) == 0) {
            is_double[order[i - 1].account] = is_double[order[i].account] = true;
        }
        if (by_username(&data->accounts[i - 1], &data->accounts[i]) == 0) {
            is_double[i - 1] = is_double[i] = true;
        }
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (is_double[i]) {
            result = acmedns_data_refuse(data, &data->accounts[i].username,
                                         "its username or its subdomain occurs more than once");
        } else {
            data->accounts[kept++] = data->accounts[i];
        }
    }
    data->accounts_count = result == 0 ? kept : count;
    free(order);
    free(is_double);
    return result;
}

/* Values whose account is not there, or is not taken over. */
static int refuse_orphans(struct acmedns_data *data)
{
    size_t count = data->accounts_count, kept = 0, at = 0;
    int result = 0;
    struct owner *order = calloc(count + 1, sizeof *order);
    if (order == NULL) {
        return TXTD_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        order[i].delegate = data->accounts[i].delegate;
    }
    qsort(order, count, sizeof *order, by_delegate);
    for (size_t i = 0; result == 0 && i < data->values_count; i++) { /* both are in the order of delegates */
        const struct acmedns_value value = data->values[i];
        while (at < count && memcmp(&order[at].delegate, &value.delegate, sizeof value.delegate) < 0) {
            at++;
        }
        if (at < count && memcmp(&order[at].delegate, &value.delegate, sizeof value.delegate) == 0) {
            data->values[kept++] = value;
        } else {
            result = acmedns_data_refuse(data, &value.delegate, "a value of it: no account here has this subdomain");
        }
    }
    data->values_count = kept;
    free(order);
    return result;
}

int acmedns_data_settle(struct acmedns_data *data, struct error_detail *detail)
{
    if (!data->version_seen || strcmp(data->version, VERSION_KNOWN) != 0) {
        return error_describe(
            detail, TXTD_EUNSUPPORTED,
            "db_version in table acmedns is %s%s%s, not 1: this is no acme-dns database, or one that a "
            "newer acme-dns has to bring up to date first (start it once)",
            data->version_seen ? "'" : "", data->version_seen ? data->version : "missing",
            data->version_seen ? "'" : "");
    }
    if (!data->records_seen) {
        return error_describe(
            detail, TXTD_EINVAL,
            "the table records, with the accounts, is not in it: dump the whole database of acme-dns");
    }
    if (data->accounts_count > 1) {
        qsort(data->accounts, data->accounts_count, sizeof *data->accounts, by_username);
    }
    if (data->values_count > 1) {
        qsort(data->values, data->values_count, sizeof *data->values, by_age);
    }
    int result = refuse_doubles(data);
    return result != 0 ? result : refuse_orphans(data);
}

const struct acmedns_value *acmedns_data_values(const struct acmedns_data *data, const struct delegate_id *delegate,
                                                size_t *count)
{
    size_t low = 0, high = data->values_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(&data->values[middle].delegate, delegate, sizeof *delegate) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < data->values_count &&
           memcmp(&data->values[low + *count].delegate, delegate, sizeof *delegate) == 0) {
        ++*count;
    }
    return data->values + low;
}

void acmedns_data_free(struct acmedns_data *data)
{
    if (data->accounts != NULL) {
        explicit_bzero(data->accounts, data->accounts_count * sizeof *data->accounts);
    }
    free(data->accounts);
    free(data->values);
    free(data->allowfrom);
    free(data->refusals);
    *data = (struct acmedns_data){.accounts = NULL};
}
