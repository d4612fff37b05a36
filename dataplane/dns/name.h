/* name.h: domain names in wire form (RFC 1035 section 3.1). Pure functions; any thread.
 *
 * A "wire name" is uncompressed, with its root label; comparing ignores ASCII case (RFC 4343).
 */
#ifndef TXTD_DATAPLANE_DNS_NAME_H
#define TXTD_DATAPLANE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/constants.h"
#include "dataplane/dns/cursor.h"

/* Where the labels of a name begin, counted from its start; labels[count] is the root label. */
struct name_labels {
    uint8_t count;
    uint8_t len; /* octets of the whole name, root label included */
    uint8_t offsets[DNS_LABELS_MAX + 1];
};

/* Reads a name without compression (RFC 1035 section 4.1.4 gives a question nothing to point at). Returns false, with the
 * reader failed, when it runs out, is longer than 255 octets or is compressed. */
bool name_read(struct wire_reader *reader, struct name_labels *labels);

/* Passes a name that may end in a compression pointer, without following it. False when it is malformed. */
bool name_skip(struct wire_reader *reader);

/* ASCII lower case (RFC 4343 section 3); octets that are not letters, length octets among them, stay. */
static inline uint8_t name_lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
}

/* Whether two wire names of `len` octets each are the same but for case. */
bool name_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* One step of a name's hash: the hash of `label` (length octet included) below a name with hash `parent`. Starting with
 * NAME_HASH_ROOT and going from the last label to the first, a long name costs no more than its labels. */
#define NAME_HASH_ROOT UINT64_C(0x9e3779b97f4a7c15)
uint64_t name_hash_label(uint64_t parent, const uint8_t *label);

#endif
