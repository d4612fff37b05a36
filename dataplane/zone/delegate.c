#include "dataplane/zone/delegate.h"

#include <endian.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* Where each octet's two digits stand in the textual form, 8-4-4-4-12 (RFC 9562 section 4). */
static const uint8_t digit_positions[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

/* Sixteen characters side by side: every query's qname comes by here. */
typedef uint8_t octets16 __attribute__((vector_size(16)));
typedef uint8_t octets8 __attribute__((vector_size(8)));
typedef uint16_t pairs8 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static uint64_t load_8(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

/* Two groups of four, as if they stood side by side. */
static uint64_t load_4_4(const char *first, const char *second)
{
    uint32_t words[2];
    memcpy(&words[0], first, sizeof words[0]);
    memcpy(&words[1], second, sizeof words[1]);
    return htole64((uint64_t)le32toh(words[1]) << 32 | le32toh(words[0]));
}

/* The values of 16 digits; `*good` keeps its ones where a character is a digit. */
static octets8 decode_digits(uint64_t first, uint64_t second, octets16 *good)
{
    octets16 text = (octets16)(words2){first, second};
    octets16 is_digit = (octets16)(text - '0' < 10);
    octets16 is_letter = (octets16)((text | 0x20) - 'a' < 6);
    *good &= is_digit | is_letter;
    pairs8 values = (pairs8)((text & 0x0f) + (is_letter & 9)); /* the low nibble of 'a' and of 'A' is 1 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    values = (values << 4 | values >> 8) & 0xff;
#else
    values = (values >> 4 | values) & 0xff;
#endif
    return __builtin_convertvector(values, octets8);
}

int delegate_id_parse(const char *text, size_t len, struct delegate_id *id)
{
    if (len != DELEGATE_ID_TEXT_LEN) {
        return TXTD_EINVAL;
    }
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') {
        return TXTD_EINVAL;
    }
    octets16 good = ~(octets16){0};
    octets8 upper = decode_digits(load_8(text), load_4_4(text + 9, text + 14), &good);
    octets8 lower = decode_digits(load_4_4(text + 19, text + 24), load_8(text + 28), &good);
    words2 all_good = (words2)good;
    if ((all_good[0] & all_good[1]) != UINT64_MAX) {
        return TXTD_EINVAL;
    }
    memcpy(id->octets, &upper, sizeof upper);
    memcpy(id->octets + sizeof upper, &lower, sizeof lower);
    return 0;
}

void delegate_id_format(const struct delegate_id *id, char text[DELEGATE_ID_TEXT_LEN + 1])
{
    memset(text, '-', DELEGATE_ID_TEXT_LEN);
    for (size_t octet = 0; octet < sizeof id->octets; octet++) {
        char *digits = text + digit_positions[octet];
        digits[0] = hex_digits[id->octets[octet] >> 4];
        digits[1] = hex_digits[id->octets[octet] & 0x0f];
    }
    text[DELEGATE_ID_TEXT_LEN] = '\0';
}

int delegate_persistent_add(struct delegate_state *state, const char *text, size_t len)
{
    size_t left = sizeof state->persistent - state->persistent_len;
    if (len == 0) {
        return TXTD_EINVAL;
    }
    if (state->persistent_count == DELEGATE_PERSISTENT_VALUES_MAX || left < 2 || len > left - 2) {
        return TXTD_EFULL;
    }
    uint8_t *to = state->persistent + state->persistent_len;
    to[0] = (uint8_t)(len >> 8);
    to[1] = (uint8_t)len;
    memcpy(to + 2, text, len);
    state->persistent_len = (uint16_t)(state->persistent_len + 2 + len);
    state->persistent_count++;
    return 0;
}

const char *delegate_persistent_next(const struct delegate_state *state, size_t *at, size_t *len)
{
    size_t end = state->persistent_len;
    if (end > sizeof state->persistent || *at >= end || end - *at < 2) {
        return NULL;
    }
    const uint8_t *from = state->persistent + *at;
    *len = (size_t)from[0] << 8 | from[1];
    if (*len == 0 || *len > end - *at - 2) {
        return NULL;
    }
    *at += 2 + *len;
    return (const char *)from + 2;
}

bool delegate_persistent_valid(const struct delegate_state *state)
{
    size_t at = 0, len = 0;
    unsigned count = 0;
    while (delegate_persistent_next(state, &at, &len) != NULL) {
        count++;
    }
    return at == state->persistent_len && count == state->persistent_count && count <= DELEGATE_PERSISTENT_VALUES_MAX;
}
