#include "storage/record.h"

#include "storage/octets.h"

enum { ACCOUNT_FORMAT = 1, ACCOUNT_FORMAT_FIELDS = 2 };

/* What format 2 has behind format 1: at least one of these. */
enum account_field {
    FIELD_DELETED = 1,
    FIELD_NOTE = 2,
    FIELD_SLOTS = 4,
    FIELD_VALUE_EXPIRY = 8,
    FIELD_LAST_KEY_ID = 16, /* only when no key has it any more */
    FIELDS_KNOWN = FIELD_DELETED | FIELD_NOTE | FIELD_SLOTS | FIELD_VALUE_EXPIRY | FIELD_LAST_KEY_ID
};

/* One octet says family and length of a prefix: an IPv4 length as it is (0..32), an IPv6 length + 64 (64..192). */
enum { IPV4_LEN_MAX = 32, IPV4_MAPPED_LEN = 96, IPV6_LEN_OFFSET = 64, IPV6_LEN_MAX = 128 };

static const uint8_t ipv4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool cidr_is_valid(const struct store_cidr *cidr)
{
    if (cidr->len > IPV6_LEN_MAX) {
        return false;
    }
    return !cidr->is_ipv4 ||
           (cidr->len >= IPV4_MAPPED_LEN && memcmp(cidr->address, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix)) == 0);
}

static bool account_is_valid(const struct store_account *account)
{
    if (account->keys_count > STORE_KEYS_MAX || account->allowfrom_count > STORE_ALLOWFROM_MAX) {
        return false;
    }
    for (size_t i = 0; i < account->keys_count; i++) {
        if (account->keys[i].hash_len > sizeof(account->keys[i].hash)) {
            return false;
        }
    }
    for (size_t i = 0; i < account->allowfrom_count; i++) {
        if (!cidr_is_valid(&account->allowfrom[i])) {
            return false;
        }
    }
    return true;
}

static void write_key(struct octets_writer *writer, const struct store_key *key, int64_t account_created_s)
{
    octets_write_u8(writer, key->scheme);
    octets_write_u8(writer, key->hash_len);
    octets_write(writer, key->hash, key->hash_len);
    octets_write_varint(writer, key->key_id);
    octets_write_signed(writer, (int64_t)((uint64_t)key->created_s - (uint64_t)account_created_s));
}

/* The whole address is kept, host bits too: what the customer wrote is what is shown to them again. */
static void write_cidr(struct octets_writer *writer, const struct store_cidr *cidr)
{
    if (cidr->is_ipv4) {
        octets_write_u8(writer, (uint8_t)(cidr->len - IPV4_MAPPED_LEN));
        octets_write(writer, cidr->address + sizeof(ipv4_mapped_prefix), 4);
    } else {
        octets_write_u8(writer, (uint8_t)(cidr->len + IPV6_LEN_OFFSET));
        octets_write(writer, cidr->address, sizeof(cidr->address));
    }
}

uint32_t store_account_highest_key_id(const struct store_account *account)
{
    uint32_t highest = 0;
    for (size_t i = 0; i < account->keys_count; i++) {
        highest = account->keys[i].key_id > highest ? account->keys[i].key_id : highest;
    }
    return highest;
}

static unsigned account_fields(const struct store_account *account)
{
    unsigned fields = 0;
    fields |= account->deleted ? FIELD_DELETED : 0U;
    fields |= account->note_len != 0 ? FIELD_NOTE : 0U;
    fields |= account->slots != 0 ? FIELD_SLOTS : 0U;
    fields |= account->value_expiry_s != 0 ? FIELD_VALUE_EXPIRY : 0U;
    fields |= account->last_key_id > store_account_highest_key_id(account) ? FIELD_LAST_KEY_ID : 0U;
    return fields;
}

static void write_fields(struct octets_writer *writer, const struct store_account *account, unsigned fields)
{
    octets_write_u8(writer, (uint8_t)fields);
    if ((fields & FIELD_NOTE) != 0) {
        octets_write_u8(writer, account->note_len);
        octets_write(writer, account->note, account->note_len);
    }
    if ((fields & FIELD_SLOTS) != 0) {
        octets_write_u8(writer, account->slots);
    }
    if ((fields & FIELD_VALUE_EXPIRY) != 0) {
        octets_write_signed(writer, account->value_expiry_s);
    }
    if ((fields & FIELD_LAST_KEY_ID) != 0) {
        octets_write_varint(writer, account->last_key_id);
    }
}

int record_account_encode(const struct store_account *account, uint8_t *record, size_t capacity)
{
    if (!account_is_valid(account)) {
        return TXTD_EINVAL;
    }
    unsigned fields = account_fields(account);
    struct octets_writer writer = {.next = record, .end = record + capacity};
    octets_write_u8(&writer, fields == 0 ? ACCOUNT_FORMAT : ACCOUNT_FORMAT_FIELDS);
    octets_write_varint(&writer, account->version);
    octets_write(&writer, account->delegate.octets, sizeof(account->delegate.octets));
    octets_write_varint(&writer, account->zone);
    octets_write_signed(&writer, account->created_s);
    octets_write_u8(&writer, account->keys_count);
    for (size_t i = 0; i < account->keys_count; i++) {
        write_key(&writer, &account->keys[i], account->created_s);
    }
    octets_write_u8(&writer, account->allowfrom_count);
    for (size_t i = 0; i < account->allowfrom_count; i++) {
        write_cidr(&writer, &account->allowfrom[i]);
    }
    if (fields != 0) {
        write_fields(&writer, account, fields);
    }
    return writer.failed ? TXTD_ETRUNCATED : (int)(writer.next - record);
}

static void read_key(struct octets_reader *reader, struct store_key *key, int64_t account_created_s)
{
    memset(key, 0, sizeof(*key));
    key->scheme = octets_read_u8(reader);
    key->hash_len = octets_read_u8(reader);
    if (key->hash_len > sizeof(key->hash)) {
        reader->failed = true;
        return;
    }
    octets_read_into(reader, key->hash, key->hash_len);
    key->key_id = (uint32_t)octets_read_bounded(reader, UINT32_MAX);
    key->created_s = (int64_t)((uint64_t)account_created_s + (uint64_t)octets_read_signed(reader));
}

static void read_cidr(struct octets_reader *reader, struct store_cidr *cidr)
{
    memset(cidr, 0, sizeof(*cidr));
    uint8_t len = octets_read_u8(reader);
    if (len <= IPV4_LEN_MAX) {
        cidr->is_ipv4 = true;
        cidr->len = (uint8_t)(len + IPV4_MAPPED_LEN);
        memcpy(cidr->address, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix));
        octets_read_into(reader, cidr->address + sizeof(ipv4_mapped_prefix), 4);
    } else if (len >= IPV6_LEN_OFFSET && len <= IPV6_LEN_OFFSET + IPV6_LEN_MAX) {
        cidr->len = (uint8_t)(len - IPV6_LEN_OFFSET);
        octets_read_into(reader, cidr->address, sizeof(cidr->address));
    } else {
        reader->failed = true;
    }
}

/* A count of at most `max`. */
static uint8_t read_count(struct octets_reader *reader, uint8_t max)
{
    uint8_t count = octets_read_u8(reader);
    if (count > max) {
        reader->failed = true;
        return 0;
    }
    return count;
}

/* Reads format and version, with which every account record starts. */
static int read_head(struct octets_reader *reader, uint8_t *format, uint64_t *version)
{
    *format = octets_read_u8(reader);
    if (!reader->failed && *format > ACCOUNT_FORMAT_FIELDS) {
        return TXTD_EUNSUPPORTED;
    }
    *version = octets_read_varint(reader);
    return reader->failed || *format == 0 ? TXTD_ECORRUPT : 0;
}

/* A field that says what its absence would say has no place: every account has one encoding. */
static void read_fields(struct octets_reader *reader, struct store_account *account)
{
    uint8_t fields = octets_read_u8(reader);
    account->deleted = (fields & FIELD_DELETED) != 0;
    if ((fields & FIELD_NOTE) != 0) {
        account->note_len = octets_read_u8(reader);
        octets_read_into(reader, account->note, account->note_len);
    }
    if ((fields & FIELD_SLOTS) != 0) {
        account->slots = octets_read_u8(reader);
    }
    if ((fields & FIELD_VALUE_EXPIRY) != 0) {
        account->value_expiry_s = octets_read_signed(reader);
    }
    if ((fields & FIELD_LAST_KEY_ID) != 0) {
        account->last_key_id = (uint32_t)octets_read_bounded(reader, UINT32_MAX);
    }
    if (fields == 0 || (fields & ~FIELDS_KNOWN) != 0 || account_fields(account) != fields) {
        reader->failed = true;
    }
}

int record_account_decode(const uint8_t *record, size_t len, struct store_account *account)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    uint8_t format = 0;
    int code = read_head(&reader, &format, &account->version);
    if (code != 0) {
        return code;
    }
    account->deleted = false;
    account->note_len = 0;
    account->slots = 0;
    account->value_expiry_s = 0;
    account->last_key_id = 0;
    octets_read_into(&reader, account->delegate.octets, sizeof(account->delegate.octets));
    account->zone = (uint16_t)octets_read_bounded(&reader, UINT16_MAX);
    account->created_s = octets_read_signed(&reader);
    account->keys_count = read_count(&reader, STORE_KEYS_MAX);
    for (size_t i = 0; i < account->keys_count; i++) {
        read_key(&reader, &account->keys[i], account->created_s);
    }
    account->allowfrom_count = read_count(&reader, STORE_ALLOWFROM_MAX);
    for (size_t i = 0; i < account->allowfrom_count; i++) {
        read_cidr(&reader, &account->allowfrom[i]);
    }
    if (format == ACCOUNT_FORMAT_FIELDS) {
        read_fields(&reader, account);
    }
    return reader.failed || octets_left(&reader) != 0 ? TXTD_ECORRUPT : 0;
}

int record_account_head(const uint8_t *record, size_t len, struct record_head *head)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    uint8_t format = 0;
    head->deleted = false; /* nobody asks it of an account */
    return read_head(&reader, &format, &head->version);
}
