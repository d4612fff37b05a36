#include "control/zone_ranges.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/zone_words.h"

#define FRACTION_DIGITS 3 /* thousandths: seconds have three digits behind the point, metres two */
#define UNIT            1000

static int refuse(const struct zone_word *word, const char *wanted, struct error_detail *detail)
{
    return error_describe(detail, TXTD_EINVAL, "\"%.*s\" is no %s", word->len > 60 ? 60 : (int)word->len, word->text,
                          wanted);
}

/* Reads "-12.5" with an optional final `unit`, in thousandths. False: it is no such number, or beyond any range here. */
static bool read_decimal(const struct zone_word *word, const char *unit, unsigned fraction_max, int64_t *thousandths)
{
    size_t len = word->len, at = 0, unit_len = strlen(unit);
    if (unit_len > 0 && len > unit_len && strncasecmp(word->text + len - unit_len, unit, unit_len) == 0) {
        len -= unit_len;
    }
    bool negative = at < len && word->text[at] == '-';
    int64_t number = 0;
    unsigned digits = 0, fraction = 0;
    bool behind_point = false;
    for (at += negative; at < len; at++) {
        char c = word->text[at];
        if (c == '.' && !behind_point && digits > 0) {
            behind_point = true;
        } else if (c >= '0' && c <= '9' && digits < 15 && (!behind_point || fraction < fraction_max)) {
            number = number * 10 + (c - '0');
            digits++;
            fraction += behind_point;
        } else {
            return false;
        }
    }
    for (; fraction < FRACTION_DIGITS; fraction++) {
        number *= 10;
    }
    *thousandths = negative ? -number : number;
    return digits > 0;
}

/* --- LOC: d1 [m1 [s1]] N|S d2 [m2 [s2]] E|W altitude[m] [size[m] [horizontal[m] [vertical[m]]]] --- */

static bool is_letter(const struct zone_word *word, const char *letters)
{
    return word->len == 1 && strchr(letters, word->text[0] & ~0x20) != NULL;
}

/* One of the two angles, its letter included. Writes it as the record has it: thousandths of seconds, south and west below 0. */
static int check_angle(const char **at, int64_t degrees_max, const char *letters, const char *wanted, int64_t *angle,
                       struct error_detail *detail)
{
    static const int64_t seconds_of[] = {3600, 60, 1};
    struct zone_word word, first = {"", 0};
    int64_t seconds = 0; /* thousandths of them */
    for (unsigned part = 0; zone_word_next(at, &word); part++) {
        int64_t number;
        if (part > 0 && is_letter(&word, letters)) {
            *angle = (word.text[0] & ~0x20) == letters[0] ? seconds : -seconds;
            return seconds <= degrees_max * 3600 * UNIT ? 0 : refuse(&first, wanted, detail);
        }
        first = part == 0 ? word : first;
        if (part > 2 || !read_decimal(&word, "", part == 2 ? 3 : 0, &number) || number < 0 ||
            (part > 0 && number >= INT64_C(60) * UNIT) || number > degrees_max * UNIT) {
            return refuse(&word, wanted, detail);
        }
        seconds += number * seconds_of[part];
    }
    return error_describe(detail, TXTD_EINVAL, "the data ends within a %s", wanted);
}

/* What libldns made of an angle: it gives a longitude without minutes or seconds those of the latitude. Rounding is its business. */
static bool is_as_read(const ldns_rr *rr, size_t offset, int64_t angle)
{
    const ldns_rdf *data = ldns_rr_rdf(rr, 0);
    if (data == NULL || ldns_rdf_size(data) < offset + sizeof(uint32_t)) {
        return false;
    }
    int64_t difference = (int64_t)ldns_read_uint32(ldns_rdf_data(data) + offset) - (INT64_C(1) << 31) - angle;
    return difference >= -1 && difference <= 1;
}

static int check_loc(const ldns_rr *rr, const char *data, struct error_detail *detail)
{
    /* altitude, size, horizontal and vertical precision: RFC 1876 section 3 */
    static const struct {
        int64_t min, max; /* thousandths of metres */
        const char *wanted;
    } lengths[] = {
        {INT64_C(-100000) * UNIT, INT64_C(42849672950), "altitude from -100000.00m to 42849672.95m"},
        {0, INT64_C(90000000) * UNIT, "size from 0m to 90000000m"},
        {0, INT64_C(90000000) * UNIT, "horizontal precision from 0m to 90000000m"},
        {0, INT64_C(90000000) * UNIT, "vertical precision from 0m to 90000000m"},
    };
    int64_t latitude = 0, longitude = 0;
    int result = check_angle(&data, 90, "NS", "latitude: 0 to 90 degrees, minutes and seconds below 60, N or S",
                             &latitude, detail);
    if (result == 0) {
        result = check_angle(&data, 180, "EW", "longitude: 0 to 180 degrees, minutes and seconds below 60, E or W",
                             &longitude, detail);
    }
    if (result == 0 && !(is_as_read(rr, 4, latitude) && is_as_read(rr, 8, longitude))) {
        return error_describe(detail, TXTD_EINVAL,
                              "give both latitude and longitude minutes and seconds: \"42 0 0 N\"");
    }
    struct zone_word word;
    for (size_t i = 0; result == 0 && zone_word_next(&data, &word); i++) {
        int64_t number;
        if (i == sizeof lengths / sizeof lengths[0]) {
            return error_describe(detail, TXTD_EINVAL, "more data than a LOC record has");
        }
        if (!read_decimal(&word, "m", 2, &number) || number < lengths[i].min || number > lengths[i].max) {
            result = refuse(&word, lengths[i].wanted, detail);
        }
    }
    return result;
}

/* --- APL: {[!]afi:address/prefix}* --- */

static int check_apl(const char *data, struct error_detail *detail)
{
    struct zone_word word;
    while (zone_word_next(&data, &word)) {
        size_t at = word.len > 0 && word.text[0] == '!';
        const char *slash = memchr(word.text, '/', word.len);
        struct zone_word prefix = {slash == NULL ? "" : slash + 1,
                                   slash == NULL ? 0 : (size_t)(word.text + word.len - slash - 1)};
        int64_t bits, bits_max = 0;
        if (word.len > at + 1 && word.text[at + 1] == ':') { /* the address families of RFC 3123 section 4 */
            bits_max = word.text[at] == '1' ? 32 : word.text[at] == '2' ? 128 : 0;
        }
        if (bits_max == 0 || !read_decimal(&prefix, "", 0, &bits) || bits < 0 || bits > bits_max * UNIT) {
            return refuse(&word, bits_max == 128 ? "prefix 2:address/0 to 128" : "prefix 1:address/0 to 32", detail);
        }
    }
    return 0;
}

int zone_ranges_check(const ldns_rr *rr, const char *data, struct error_detail *detail)
{
    switch (ldns_rr_get_type(rr)) {
    case LDNS_RR_TYPE_LOC: return check_loc(rr, data, detail);
    case LDNS_RR_TYPE_APL: return check_apl(data, detail);
    default: return 0;
    }
}
