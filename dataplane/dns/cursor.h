/* cursor.h: the bounds-checked way to read and write wire bytes.
 *
 * A cursor that runs out stays at its end and remembers: a caller may read several fields and ask once, with
 * reader_ok or writer_ok, whether all of them were there. Pure; any thread.
 */
#ifndef TXTD_DATAPLANE_DNS_CURSOR_H
#define TXTD_DATAPLANE_DNS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    bool failed;
};

struct wire_writer {
    uint8_t *data;
    size_t capacity;
    size_t at;
    bool failed;
};

static inline struct wire_reader reader_at(const uint8_t *data, size_t len, size_t at)
{
    return (struct wire_reader){.data = data, .len = len, .at = at <= len ? at : len, .failed = at > len};
}

static inline bool reader_ok(const struct wire_reader *reader)
{
    return !reader->failed;
}

static inline size_t reader_left(const struct wire_reader *reader)
{
    return reader->len - reader->at;
}

/* The next `count` octets, or NULL. */
static inline const uint8_t *reader_take(struct wire_reader *reader, size_t count)
{
    if (reader->failed || reader->len - reader->at < count) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *taken = reader->data + reader->at;
    reader->at += count;
    return taken;
}

/* Fields of octets that one reader_take gave, so that a record's fixed part is checked once. */
static inline uint16_t octets_u16(const uint8_t *octets)
{
    return (uint16_t)((unsigned)octets[0] << 8 | octets[1]);
}

static inline uint32_t octets_u32(const uint8_t *octets)
{
    return (uint32_t)octets_u16(octets) << 16 | octets_u16(octets + 2);
}

static inline void octets_set_u16(uint8_t *octets, unsigned value)
{
    octets[0] = (uint8_t)(value >> 8);
    octets[1] = (uint8_t)value;
}

static inline uint8_t read_u8(struct wire_reader *reader)
{
    const uint8_t *octets = reader_take(reader, 1);
    return octets == NULL ? 0 : octets[0];
}

static inline uint16_t read_u16(struct wire_reader *reader)
{
    const uint8_t *octets = reader_take(reader, 2);
    return octets == NULL ? 0 : octets_u16(octets);
}

static inline uint32_t read_u32(struct wire_reader *reader)
{
    const uint8_t *octets = reader_take(reader, 4);
    return octets == NULL ? 0 : octets_u32(octets);
}

static inline struct wire_writer writer_at(uint8_t *data, size_t capacity, size_t at)
{
    return (struct wire_writer){.data = data, .capacity = capacity, .at = at, .failed = at > capacity};
}

static inline bool writer_ok(const struct wire_writer *writer)
{
    return !writer->failed;
}

/* Room for the next `count` octets, which the caller fills, or NULL. */
static inline uint8_t *writer_take(struct wire_writer *writer, size_t count)
{
    if (writer->failed || writer->capacity - writer->at < count) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *taken = writer->data + writer->at;
    writer->at += count;
    return taken;
}

static inline void write_octets(struct wire_writer *writer, const void *octets, size_t count)
{
    uint8_t *taken = writer_take(writer, count);
    if (taken != NULL) {
        memcpy(taken, octets, count);
    }
}

static inline void write_u8(struct wire_writer *writer, uint8_t value)
{
    uint8_t *octets = writer_take(writer, 1);
    if (octets != NULL) {
        octets[0] = value;
    }
}

static inline void write_u16(struct wire_writer *writer, uint16_t value)
{
    uint8_t *octets = writer_take(writer, 2);
    if (octets != NULL) {
        octets_set_u16(octets, value);
    }
}

static inline void write_u32(struct wire_writer *writer, uint32_t value)
{
    write_u16(writer, (uint16_t)(value >> 16));
    write_u16(writer, (uint16_t)value);
}

#endif
