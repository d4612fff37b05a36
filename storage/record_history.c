/* The records beside delegates and accounts: events, usage, revoked keys. */
#include "storage/octets.h"
#include "storage/record.h"

enum { EVENT_FORMAT = 1, USAGE_FORMAT = 1, REVOKED_FORMAT = 1 };
enum { FAMILY_NONE = 0, FAMILY_IPV4 = 4, FAMILY_IPV6 = 6 };
enum { SECONDS_PER_HOUR = 3600 };

static const uint8_t revoked_prefix[8] = {'r', 'e', 'v', 'o', 'k', 'e', 'd', '/'};

static const uint8_t ipv4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t no_address[16];

void record_history_key(uint16_t zone, const struct delegate_id *id, uint8_t place, uint8_t key[RECORD_HISTORY_KEY_LEN])
{
    record_delegate_key(zone, id, key);
    key[RECORD_DELEGATE_KEY_LEN] = place;
}

/* Reads the format, with which every record starts. */
static int read_format(struct octets_reader *reader, uint8_t known)
{
    uint8_t format = octets_read_u8(reader);
    if (reader->failed || format == 0) {
        return TXTD_ECORRUPT;
    }
    return format > known ? TXTD_EUNSUPPORTED : 0;
}

static int end_read(const struct octets_reader *reader)
{
    return reader->failed || octets_left(reader) != 0 ? TXTD_ECORRUPT : 0;
}

static int end_write(const struct octets_writer *writer, const uint8_t *record)
{
    return writer->failed ? TXTD_ETRUNCATED : (int)(writer->next - record);
}

static void write_address(struct octets_writer *writer, const uint8_t address[16])
{
    if (memcmp(address, no_address, sizeof(no_address)) == 0) {
        octets_write_u8(writer, FAMILY_NONE);
    } else if (memcmp(address, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix)) == 0) {
        octets_write_u8(writer, FAMILY_IPV4);
        octets_write(writer, address + sizeof(ipv4_mapped_prefix), 4);
    } else {
        octets_write_u8(writer, FAMILY_IPV6);
        octets_write(writer, address, 16);
    }
}

/* An IPv6 address that would have been written otherwise is refused: every event has one encoding. */
static void read_address(struct octets_reader *reader, uint8_t address[16])
{
    memset(address, 0, 16);
    switch (octets_read_u8(reader)) {
    case FAMILY_NONE: break;
    case FAMILY_IPV4:
        memcpy(address, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix));
        octets_read_into(reader, address + sizeof(ipv4_mapped_prefix), 4);
        break;
    case FAMILY_IPV6:
        octets_read_into(reader, address, 16);
        if (memcmp(address, no_address, sizeof(no_address)) == 0 ||
            memcmp(address, ipv4_mapped_prefix, sizeof(ipv4_mapped_prefix)) == 0) {
            reader->failed = true;
        }
        break;
    default: reader->failed = true;
    }
}

int record_event_encode(const struct store_event *event, uint8_t *record, size_t capacity)
{
    struct octets_writer writer = {.next = record, .end = record + capacity};
    octets_write_u8(&writer, EVENT_FORMAT);
    octets_write_u8(&writer, event->kind);
    octets_write_varint(&writer, event->version);
    octets_write_signed(&writer, event->at_s);
    octets_write_varint(&writer, event->key_id);
    octets_write_varint(&writer, event->subject);
    write_address(&writer, event->client);
    octets_write_u8(&writer, event->text_len);
    octets_write(&writer, event->text, event->text_len);
    return end_write(&writer, record);
}

int record_event_decode(const uint8_t *record, size_t len, struct store_event *event)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    int code = read_format(&reader, EVENT_FORMAT);
    if (code != 0) {
        return code;
    }
    event->kind = octets_read_u8(&reader);
    event->version = octets_read_varint(&reader);
    event->at_s = octets_read_signed(&reader);
    event->key_id = (uint32_t)octets_read_bounded(&reader, UINT32_MAX);
    event->subject = (uint32_t)octets_read_bounded(&reader, UINT32_MAX);
    read_address(&reader, event->client);
    event->text_len = octets_read_u8(&reader);
    octets_read_into(&reader, event->text, event->text_len);
    return end_read(&reader);
}

int record_usage_encode(const struct store_usage *usage, uint8_t *record, size_t capacity)
{
    if (usage->asked_at_s < 0) {
        return TXTD_EINVAL;
    }
    struct octets_writer writer = {.next = record, .end = record + capacity};
    octets_write_u8(&writer, USAGE_FORMAT);
    octets_write_varint(&writer, (uint64_t)usage->asked_at_s / SECONDS_PER_HOUR);
    octets_write_varint(&writer, usage->asked_count);
    return end_write(&writer, record);
}

int record_usage_decode(const uint8_t *record, size_t len, struct store_usage *usage)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    int code = read_format(&reader, USAGE_FORMAT);
    if (code != 0) {
        return code;
    }
    usage->asked_at_s = (int64_t)octets_read_bounded(&reader, INT64_MAX / SECONDS_PER_HOUR) * SECONDS_PER_HOUR;
    usage->asked_count = octets_read_varint(&reader);
    return end_read(&reader);
}

size_t record_revoked_key(const struct store_key *key, uint8_t out[RECORD_REVOKED_KEY_MAX])
{
    size_t len = sizeof(revoked_prefix);
    size_t hash_len = key->hash_len < sizeof(key->hash) ? key->hash_len : sizeof(key->hash);
    memcpy(out, revoked_prefix, len);
    out[len++] = key->scheme;
    memcpy(out + len, key->hash, hash_len);
    return len + hash_len;
}

int record_revoked_encode(const struct store_revoked *revoked, uint8_t *record, size_t capacity)
{
    struct octets_writer writer = {.next = record, .end = record + capacity};
    octets_write_u8(&writer, REVOKED_FORMAT);
    octets_write(&writer, revoked->username.octets, sizeof(revoked->username.octets));
    octets_write_varint(&writer, revoked->key_id);
    octets_write_signed(&writer, revoked->at_s);
    return end_write(&writer, record);
}

int record_revoked_decode(const uint8_t *record, size_t len, struct store_revoked *revoked)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    int code = read_format(&reader, REVOKED_FORMAT);
    if (code != 0) {
        return code;
    }
    octets_read_into(&reader, revoked->username.octets, sizeof(revoked->username.octets));
    revoked->key_id = (uint32_t)octets_read_bounded(&reader, UINT32_MAX);
    revoked->at_s = octets_read_signed(&reader);
    return end_read(&reader);
}
