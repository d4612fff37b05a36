/* octets.h: a bounds-checked writer and reader for stored octets: the only way in which this room touches encoded bytes.
 *
 * Both remember the first failure, so that a caller checks once at the end: a writer that ran out of room, or a reader
 * that ran out of octets or met an impossible one, does nothing more and gives zeros. Plain values; any thread.
 *
 * Integers are little-endian base-128 varints (7 bits an octet, the high bit says that more follow), in their shortest
 * form only, so that each value has one encoding; signed ones are zigzag-mapped first, so that small magnitudes stay short.
 */
#ifndef TXTD_STORAGE_OCTETS_H
#define TXTD_STORAGE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OCTETS_VARINT_MAX 10 /* octets of the longest varint of 64 bits */

struct octets_writer {
    uint8_t *next;
    uint8_t *end;
    bool failed;
};

struct octets_reader {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

static inline size_t octets_left(const struct octets_reader *reader)
{
    return (size_t)(reader->end - reader->next);
}

static inline void octets_write(struct octets_writer *writer, const void *octets, size_t len)
{
    if (writer->failed || (size_t)(writer->end - writer->next) < len) {
        writer->failed = true;
        return;
    }
    memcpy(writer->next, octets, len);
    writer->next += len;
}

static inline void octets_write_u8(struct octets_writer *writer, uint8_t value)
{
    octets_write(writer, &value, 1);
}

static inline void octets_write_varint(struct octets_writer *writer, uint64_t value)
{
    uint8_t encoded[OCTETS_VARINT_MAX];
    size_t len = 0;
    while (value >= 0x80) {
        encoded[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    encoded[len++] = (uint8_t)value;
    octets_write(writer, encoded, len);
}

static inline void octets_write_signed(struct octets_writer *writer, int64_t value)
{
    uint64_t sign = value < 0 ? UINT64_MAX : 0;
    octets_write_varint(writer, ((uint64_t)value << 1) ^ sign);
}

/* The next `len` octets, or NULL when there are not that many. */
static inline const uint8_t *octets_read(struct octets_reader *reader, size_t len)
{
    if (reader->failed || octets_left(reader) < len) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *octets = reader->next;
    reader->next += len;
    return octets;
}

static inline void octets_read_into(struct octets_reader *reader, void *to, size_t len)
{
    const uint8_t *octets = octets_read(reader, len);
    if (octets == NULL) {
        memset(to, 0, len);
        return;
    }
    memcpy(to, octets, len);
}

static inline uint8_t octets_read_u8(struct octets_reader *reader)
{
    const uint8_t *octet = octets_read(reader, 1);
    return octet == NULL ? 0 : *octet;
}

static inline uint64_t octets_read_varint(struct octets_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t octet = octets_read_u8(reader);
        if (reader->failed) {
            return 0;
        }
        if ((shift == 63 && octet > 1) || (shift > 0 && octet == 0)) { /* above 64 bits, or not the shortest form */
            break;
        }
        value |= (uint64_t)(octet & 0x7f) << shift;
        if ((octet & 0x80) == 0) {
            return value;
        }
    }
    reader->failed = true;
    return 0;
}

static inline int64_t octets_read_signed(struct octets_reader *reader)
{
    uint64_t value = octets_read_varint(reader);
    uint64_t sign = (value & 1) != 0 ? UINT64_MAX : 0;
    return (int64_t)((value >> 1) ^ sign);
}

/* As octets_read_varint, failing when the value is above `max`. */
static inline uint64_t octets_read_bounded(struct octets_reader *reader, uint64_t max)
{
    uint64_t value = octets_read_varint(reader);
    if (value > max) {
        reader->failed = true;
        return 0;
    }
    return value;
}

#endif
