#include "dataplane/zone/delegate.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* The value of each hexadecimal digit plus one; 0 for every other octet. A table, for each query's qname comes by here. */
static const uint8_t hex_values_plus_one[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Where each octet's two digits stand in the textual form, 8-4-4-4-12 (RFC 9562 section 4). */
static const uint8_t digit_positions[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

int delegate_id_parse(const char *text, size_t len, struct delegate_id *id)
{
    if (len != DELEGATE_ID_TEXT_LEN) {
        return TXTD_EINVAL;
    }
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') {
        return TXTD_EINVAL;
    }
    struct delegate_id parsed;
    unsigned bad = 0;
    for (size_t octet = 0; octet < sizeof parsed.octets; octet++) {
        const char *digits = text + digit_positions[octet];
        unsigned high = hex_values_plus_one[(uint8_t)digits[0]] - 1u;
        unsigned low = hex_values_plus_one[(uint8_t)digits[1]] - 1u;
        bad |= high | low; /* what is no digit has all bits set */
        parsed.octets[octet] = (uint8_t)(high << 4 | low);
    }
    if (bad > 0xf) {
        return TXTD_EINVAL;
    }
    *id = parsed;
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
