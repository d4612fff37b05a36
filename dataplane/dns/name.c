#include "dataplane/dns/name.h"

bool name_read(struct wire_reader *reader, struct name_labels *labels)
{
    /* RFC 1035 section 2.3.4: labels of at most 63 octets, names of at most 255. One bound covers the message's end, too. */
    const uint8_t *name = reader->data + reader->at;
    size_t room = reader_left(reader);
    room = room < DNS_NAME_MAX ? room : DNS_NAME_MAX;
    unsigned count = 0;
    size_t offset = 0;
    while (offset < room && name[offset] <= DNS_LABEL_MAX) {
        labels->offsets[count] = (uint8_t)offset;
        if (name[offset] == 0) {
            labels->count = (uint8_t)count;
            labels->len = (uint8_t)(offset + 1);
            return reader_take(reader, offset + 1) != NULL;
        }
        count++;
        offset += 1u + name[offset];
    }
    labels->count = labels->len = 0;
    reader->failed = true;
    return false;
}

bool name_skip(struct wire_reader *reader)
{
    for (size_t octets = 0; octets <= DNS_NAME_MAX;) {
        uint8_t label_len = read_u8(reader);
        if (!reader_ok(reader)) {
            return false;
        }
        if (label_len >= 0xc0) {
            (void)read_u8(reader);
            return reader_ok(reader);
        }
        if (label_len > DNS_LABEL_MAX) {
            break;
        }
        if (label_len == 0) {
            return true;
        }
        (void)reader_take(reader, label_len);
        octets += (size_t)label_len + 1;
    }
    reader->failed = true;
    return false;
}

/* --- Eight octets at a time --- */

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

static uint64_t load_u64(const uint8_t *octets)
{
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return word;
}

static uint64_t load_u32(const uint8_t *octets)
{
    uint32_t word;
    memcpy(&word, octets, sizeof word);
    return word;
}

/* 0x80 in each octet of `word` that is in first..last, both below 0x80. */
static uint64_t octets_between(uint64_t word, uint8_t first, uint8_t last)
{
    uint64_t seven_bits = word & EACH(0x7f);
    uint64_t from_first = seven_bits + EACH(0x80u - first);
    uint64_t behind_last = seven_bits + EACH(0x7fu - last);
    return from_first & ~behind_last & ~word & EACH(0x80);
}

/* Whether two words that differ do so in the case of letters only. */
static bool differ_in_case(uint64_t a, uint64_t b)
{
    uint64_t difference = a ^ b;
    return (difference & ~EACH(0x20)) == 0 && ((difference << 2) & ~octets_between(a | EACH(0x20), 'a', 'z')) == 0;
}

static inline bool words_equal(uint64_t a, uint64_t b)
{
    return __builtin_expect(a == b, 1) || differ_in_case(a, b);
}

static uint64_t word_lower(uint64_t word)
{
    return word | octets_between(word, 'A', 'Z') >> 2;
}

static bool short_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name_lower(a[i]) != name_lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool name_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    /* A length octet is below 64 and so never taken for a letter. */
    if (len < 8) {
        return short_equal(a, b, len);
    }
    for (size_t i = 0; i < len - 8; i += 8) {
        if (!words_equal(load_u64(a + i), load_u64(b + i))) {
            return false;
        }
    }
    return words_equal(load_u64(a + len - 8), load_u64(b + len - 8)); /* overlaps the word before */
}

static uint64_t hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word_lower(word)) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

uint64_t name_hash_label(uint64_t parent, const uint8_t *label)
{
    /* A multiplication a word. The names hashed are those an operator configured, so nobody from outside chooses what shares a
     * bucket; a query only ever misses. The length is in the first octet, so words that overlap are read the same way. */
    size_t len = 1u + label[0];
    if (len < 4) {
        return hash_word(parent, (uint64_t)label[0] | (uint64_t)label[len / 2] << 8 | (uint64_t)label[len - 1] << 16);
    }
    if (len < 8) {
        return hash_word(parent, load_u32(label) | load_u32(label + len - 4) << 32);
    }
    uint64_t hash = parent;
    for (size_t i = 0; i < len - 8; i += 8) {
        hash = hash_word(hash, load_u64(label + i));
    }
    return hash_word(hash, load_u64(label + len - 8));
}
