#include "storage/record.h"

#include "storage/octets.h"

/* Format 2 is written only for what format 1 cannot hold, so a delegate without persistent values is as short as ever. */
enum { DELEGATE_FORMAT = 1, DELEGATE_FORMAT_PERSISTENT = 2 };

enum delegate_flag {
    FLAG_DELETED = 1,
    FLAG_DISABLED = 2,
    FLAG_EXPIRES = 4, /* expires_at_s is present */
    FLAG_VALUES = 8,  /* values are present */
    FLAGS_KNOWN = FLAG_DELETED | FLAG_DISABLED | FLAG_EXPIRES | FLAG_VALUES,
    FLAG_PERSISTENT = 16, /* persistent values are present: exactly in format 2 */
};

void record_delegate_key(uint16_t zone, const struct delegate_id *id, uint8_t key[RECORD_DELEGATE_KEY_LEN])
{
    key[0] = (uint8_t)(zone >> 8);
    key[1] = (uint8_t)zone;
    memcpy(key + 2, id->octets, sizeof(id->octets));
}

int record_delegate_key_decode(const uint8_t *key, size_t len, uint16_t *zone, struct delegate_id *id)
{
    if (len != RECORD_DELEGATE_KEY_LEN) {
        return TXTD_ECORRUPT;
    }
    *zone = (uint16_t)(key[0] << 8 | key[1]);
    memcpy(id->octets, key + 2, sizeof(id->octets));
    return 0;
}

static uint8_t delegate_flags(const struct delegate_state *state)
{
    unsigned flags = 0;
    flags |= state->deleted ? FLAG_DELETED : 0U;
    flags |= state->disabled ? FLAG_DISABLED : 0U;
    flags |= state->expires_at_s != 0 ? FLAG_EXPIRES : 0U;
    flags |= state->values_count != 0 ? FLAG_VALUES : 0U;
    flags |= state->persistent_count != 0 ? FLAG_PERSISTENT : 0U;
    return (uint8_t)flags;
}

/* Differences wrap as unsigned numbers do, so that no pair of times overflows. */
static int64_t time_difference(int64_t time_s, int64_t before_s)
{
    return (int64_t)((uint64_t)time_s - (uint64_t)before_s);
}

static int64_t time_sum(int64_t before_s, int64_t difference)
{
    return (int64_t)((uint64_t)before_s + (uint64_t)difference);
}

static void write_values(struct octets_writer *writer, const struct delegate_state *state)
{
    int64_t before_s = 0;
    octets_write_u8(writer, state->values_count);
    for (size_t i = 0; i < state->values_count; i++) {
        const struct delegate_value *value = &state->values[i];
        octets_write_signed(writer, time_difference(value->set_at_s, before_s));
        octets_write_u8(writer, value->len);
        octets_write(writer, value->text, value->len);
        before_s = value->set_at_s;
    }
}

static void write_persistent(struct octets_writer *writer, const struct delegate_state *state)
{
    size_t at = 0, len = 0;
    const char *text;
    octets_write_u8(writer, state->persistent_count);
    while ((text = delegate_persistent_next(state, &at, &len)) != NULL) {
        octets_write_varint(writer, len);
        octets_write(writer, text, len);
    }
}

int record_delegate_encode(const struct delegate_state *state, uint8_t *record, size_t capacity)
{
    bool persistent = state->persistent_count != 0;
    if (state->values_count > DELEGATE_VALUES_MAX || (persistent && !delegate_persistent_valid(state))) {
        return TXTD_EINVAL;
    }
    struct octets_writer writer = {.next = record, .end = record + capacity};
    octets_write_u8(&writer, persistent ? DELEGATE_FORMAT_PERSISTENT : DELEGATE_FORMAT);
    octets_write_u8(&writer, delegate_flags(state));
    octets_write_varint(&writer, state->version);
    if (state->expires_at_s != 0) {
        octets_write_signed(&writer, state->expires_at_s);
    }
    if (state->values_count != 0) {
        write_values(&writer, state);
    }
    if (persistent) {
        write_persistent(&writer, state);
    }
    return writer.failed ? TXTD_ETRUNCATED : (int)(writer.next - record);
}

/* Reads format, flags and version, with which every delegate record starts. */
static int read_head(struct octets_reader *reader, uint8_t *flags, uint64_t *version)
{
    uint8_t format = octets_read_u8(reader);
    if (!reader->failed && format > DELEGATE_FORMAT_PERSISTENT) {
        return TXTD_EUNSUPPORTED;
    }
    *flags = octets_read_u8(reader);
    *version = octets_read_varint(reader);
    unsigned known = format == DELEGATE_FORMAT_PERSISTENT ? FLAGS_KNOWN | FLAG_PERSISTENT : FLAGS_KNOWN;
    unsigned needed = known & FLAG_PERSISTENT;
    if (reader->failed || format == 0 || (*flags & ~known) != 0 || (*flags & needed) != needed) {
        return TXTD_ECORRUPT;
    }
    return 0;
}

static void read_persistent(struct octets_reader *reader, struct delegate_state *state)
{
    uint8_t count = octets_read_u8(reader);
    if (count == 0 || count > DELEGATE_PERSISTENT_VALUES_MAX) {
        reader->failed = true;
        return;
    }
    for (size_t i = 0; i < count && !reader->failed; i++) {
        size_t len = (size_t)octets_read_bounded(reader, DELEGATE_PERSISTENT_LEN_MAX);
        const uint8_t *text = octets_read(reader, len);
        if (text == NULL || delegate_persistent_add(state, (const char *)text, len) != 0) {
            reader->failed = true;
        }
    }
}

static void read_values(struct octets_reader *reader, struct delegate_state *state)
{
    int64_t before_s = 0;
    uint8_t count = octets_read_u8(reader);
    if (count == 0 || count > DELEGATE_VALUES_MAX) { /* none at all would have been said by the flag */
        reader->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct delegate_value *value = &state->values[i];
        value->set_at_s = time_sum(before_s, octets_read_signed(reader));
        value->len = octets_read_u8(reader);
        octets_read_into(reader, value->text, value->len);
        before_s = value->set_at_s;
    }
    state->values_count = count;
}

int record_delegate_decode(const uint8_t *record, size_t len, struct delegate_state *state)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    uint8_t flags = 0;
    int code = read_head(&reader, &flags, &state->version);
    if (code != 0) {
        return code;
    }
    state->deleted = (flags & FLAG_DELETED) != 0;
    state->disabled = (flags & FLAG_DISABLED) != 0;
    state->expires_at_s = 0;
    state->values_count = 0;
    state->persistent_count = 0;
    state->persistent_len = 0;
    if ((flags & FLAG_EXPIRES) != 0) {
        state->expires_at_s = octets_read_signed(&reader);
        if (state->expires_at_s == 0) {
            return TXTD_ECORRUPT;
        }
    }
    if ((flags & FLAG_VALUES) != 0) {
        read_values(&reader, state);
    }
    if ((flags & FLAG_PERSISTENT) != 0) {
        read_persistent(&reader, state);
    }
    return reader.failed || octets_left(&reader) != 0 ? TXTD_ECORRUPT : 0;
}

int record_delegate_head(const uint8_t *record, size_t len, struct record_head *head)
{
    struct octets_reader reader = {.next = record, .end = record + len};
    uint8_t flags = 0;
    int code = read_head(&reader, &flags, &head->version);
    head->deleted = (flags & FLAG_DELETED) != 0;
    return code;
}
