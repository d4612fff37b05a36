#include "dataplane/zone/delegate.h"

static const char hex_digits[] = "0123456789abcdef";

/* The value of one hexadecimal digit, or -1. */
static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    if (lower >= 'a' && lower <= 'f') {
        return lower - 'a' + 10;
    }
    return -1;
}

/* Where the textual form has its four hyphens: 8-4-4-4-12 (RFC 9562 section 4). */
static bool is_hyphen_position(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

int delegate_id_parse(const char *text, size_t len, struct delegate_id *id)
{
    if (len != DELEGATE_ID_TEXT_LEN) {
        return TXTD_EINVAL;
    }
    struct delegate_id parsed;
    size_t octet = 0;
    for (size_t i = 0; i < len;) {
        if (is_hyphen_position(i)) {
            if (text[i] != '-') {
                return TXTD_EINVAL;
            }
            i++;
            continue;
        }
        int high = hex_value(text[i]);
        int low = hex_value(text[i + 1]); /* a group has an even number of digits, so i + 1 is in the text */
        if (high < 0 || low < 0) {
            return TXTD_EINVAL;
        }
        parsed.octets[octet++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *id = parsed;
    return 0;
}

void delegate_id_format(const struct delegate_id *id, char text[DELEGATE_ID_TEXT_LEN + 1])
{
    size_t position = 0;
    for (size_t octet = 0; octet < sizeof id->octets; octet++) {
        if (is_hyphen_position(position)) {
            text[position++] = '-';
        }
        text[position++] = hex_digits[id->octets[octet] >> 4];
        text[position++] = hex_digits[id->octets[octet] & 0x0f];
    }
    text[position] = '\0';
}
