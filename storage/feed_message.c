#include "storage/feed.h"

#include "storage/octets.h"
#include "storage/record.h"

enum { MESSAGE_FORMAT = 1 };

_Static_assert(1 + OCTETS_VARINT_MAX + RECORD_DELEGATE_KEY_LEN + RECORD_DELEGATE_MAX <= FEED_MESSAGE_MAX,
               "the largest delegate fits a message");

int feed_message_encode(uint64_t revision, const struct delegate_state *state, uint8_t *message, size_t capacity)
{
    struct octets_writer writer = {.next = message, .end = message + capacity};
    uint8_t key[RECORD_DELEGATE_KEY_LEN];
    record_delegate_key(state->zone, &state->id, key);
    octets_write_u8(&writer, MESSAGE_FORMAT);
    octets_write_varint(&writer, revision);
    octets_write(&writer, key, sizeof(key));
    if (writer.failed) {
        return TXTD_ETRUNCATED;
    }
    int len = record_delegate_encode(state, writer.next, (size_t)(writer.end - writer.next));
    return len < 0 ? len : (int)(writer.next - message) + len;
}

int feed_message_decode(const uint8_t *message, size_t len, uint64_t *revision, struct delegate_state *state)
{
    struct octets_reader reader = {.next = message, .end = message + len};
    uint8_t format = octets_read_u8(&reader);
    *revision = octets_read_varint(&reader);
    const uint8_t *key = octets_read(&reader, RECORD_DELEGATE_KEY_LEN);
    if (key == NULL || format != MESSAGE_FORMAT) {
        return TXTD_ECORRUPT;
    }
    if (record_delegate_key_decode(key, RECORD_DELEGATE_KEY_LEN, &state->zone, &state->id) != 0 ||
        record_delegate_decode(reader.next, octets_left(&reader), state) != 0) {
        return TXTD_ECORRUPT;
    }
    return 0;
}
