#include "dataplane/dns/name.h"

bool name_read(struct wire_reader *reader, struct name_labels *labels)
{
    size_t start = reader->at;
    labels->count = 0;
    for (;;) {
        size_t offset = reader->at - start;
        uint8_t label_len = read_u8(reader);
        /* RFC 1035 section 2.3.4: labels of at most 63 octets, names of at most 255. */
        if (!reader_ok(reader) || label_len > DNS_LABEL_MAX || offset + 1 + label_len > DNS_NAME_MAX) {
            reader->failed = true;
            return false;
        }
        labels->offsets[labels->count] = (uint8_t)offset;
        if (label_len == 0) {
            labels->len = (uint8_t)(offset + 1);
            return true;
        }
        labels->count++;
        (void)reader_take(reader, label_len);
    }
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

bool name_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    /* A length octet is below 64 and so never taken for a letter. */
    for (size_t i = 0; i < len; i++) {
        if (name_lower(a[i]) != name_lower(b[i])) {
            return false;
        }
    }
    return true;
}

uint64_t name_hash_label(uint64_t parent, const uint8_t *label)
{
    /* FNV-1a, 64 bits, finished by a multiplication that mixes the upper bits down. The names hashed are those an operator
     * configured, so nobody from outside chooses what shares a bucket; a query only ever misses. */
    uint64_t hash = parent;
    for (unsigned i = 0; i <= label[0]; i++) {
        hash = (hash ^ name_lower(label[i])) * UINT64_C(0x100000001b3);
    }
    hash ^= hash >> 32;
    return hash * UINT64_C(0xd6e8feb86659fd93);
}
