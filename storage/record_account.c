#include "storage/record.h"

#include "storage/octets.h"

enum { ACCOUNT_FORMAT = 1 };

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

int record_account_encode(const struct store_account *account, uint8_t *record, size_t capacity)
{
    if (!account_is_valid(account)) {
        return TXTD_EINVAL;
    }
    struct octets_writer writer = {.next = record, .end = record + capacity};
    octets_write_u8(&writer, ACCOUNT_FORMAT);
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
static int read_head(struct octets_reader *reader, uint64_t *version)
{
    uint8_t format = octets_read_u8(reader);
    if (!reader->failed && format > ACCOUNT_FORMAT) {
        return TXTD_EUNSUPPORTED;
    }
    *version = octets_read_varint(reader);
    return reader->failed || format != ACCOUNT_FORMAT ? TXTD_ECORRUPT : 0;
}

int record_account_decode(const uint8_t *record, size_t len, struct store_account *account)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    int code = read_head(&reader, &account->version);
    if (code != 0) {
        return code;
    }
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
    return reader.failed || octets_left(&reader) != 0 ? TXTD_ECORRUPT : 0;
}

int record_account_head(const uint8_t *record, size_t len, struct record_head *head)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    head->deleted = false;
    return read_head(&reader, &head->version);
}
