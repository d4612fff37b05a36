#include "control/zone_numbers.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "control/zone_ranges.h"
#include "control/zone_words.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether the word begins so, whatever the case, with a digit behind. */
static bool has_number_behind(const struct zone_word *word, const char *prefix)
{
    size_t len = strlen(prefix);
    return word->len > len && strncasecmp(word->text, prefix, len) == 0 && is_digit(word->text[len]);
}

static int refuse(const struct zone_word *word, uint64_t max, struct error_detail *detail)
{
    return error_describe(detail, TXTD_EINVAL, "\"%.*s\" is no number from 0 to %llu",
                          word->len > 40 ? 40 : (int)word->len, word->text, (unsigned long long)max);
}

/* Digits and nothing else, at most `max`. */
static int check_number(const struct zone_word *word, size_t from, uint64_t max, struct error_detail *detail)
{
    uint64_t number = 0;
    for (size_t i = from; i < word->len; i++) {
        number = number * 10 + (uint64_t)(word->text[i] - '0');
        if (!is_digit(word->text[i]) || number > max) {
            return refuse(word, max, detail);
        }
    }
    return word->len > from ? 0 : refuse(word, max, detail);
}

int zone_numbers_period(const char *text, size_t len, uint32_t *seconds)
{
    static const char units[] = "smhdw";
    static const uint32_t unit_s[] = {1, 60, 3600, 86400, 604800};
    uint64_t sum = 0;
    for (size_t at = 0; at < len;) {
        uint64_t number = 0, unit = 1;
        size_t start = at;
        for (; at < len && is_digit(text[at]) && number <= UINT32_MAX; at++) {
            number = number * 10 + (uint64_t)(text[at] - '0');
        }
        if (at == start) {
            return TXTD_EINVAL;
        }
        if (at < len && number <= UINT32_MAX) {
            const char *found = strchr(units, text[at++] | 0x20);
            if (found == NULL || *found == '\0') {
                return TXTD_EINVAL;
            }
            unit = unit_s[found - units];
        }
        sum += number * unit;
        if (sum > UINT32_MAX) {
            return TXTD_EINVAL;
        }
    }
    *seconds = (uint32_t)sum;
    return len > 0 ? 0 : TXTD_EINVAL;
}

static int check_period(const struct zone_word *word, struct error_detail *detail)
{
    uint32_t seconds;
    return zone_numbers_period(word->text, word->len, &seconds) == 0 ? 0 : refuse(word, UINT32_MAX, detail);
}

/* Steps over owner, TTL, class and type. */
static int check_head(const char **at, struct error_detail *detail)
{
    struct zone_word word;
    int result = 0;
    if (**at != ' ') { /* else the owner is that of the record before */
        (void)zone_word_next(at, &word);
    }
    while (result == 0 && zone_word_next(at, &word)) {
        if (is_digit(word.text[0])) {
            result = check_period(&word, detail);
        } else if (has_number_behind(&word, "CLASS")) {
            result = check_number(&word, 5, UINT16_MAX, detail);
        } else if (has_number_behind(&word, "TYPE")) {
            return check_number(&word, 4, UINT16_MAX, detail);
        } else if (word.len != 2 || strncasecmp(word.text, "IN", 2) != 0) {
            return 0; /* the type, or another class, which is refused anyway */
        }
    }
    return result;
}

/* The largest number of a field; 0: it is no number. */
static uint64_t field_max(ldns_rdf_type field)
{
    switch (field) {
    case LDNS_RDF_TYPE_INT8:
    case LDNS_RDF_TYPE_ALG:
    case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
    case LDNS_RDF_TYPE_SELECTOR:
    case LDNS_RDF_TYPE_MATCHING_TYPE: return UINT8_MAX;
    case LDNS_RDF_TYPE_INT16:
    case LDNS_RDF_TYPE_CERT_ALG: return UINT16_MAX;
    case LDNS_RDF_TYPE_INT32: return UINT32_MAX;
    default: return 0;
    }
}

/* Hexadecimal data may have blanks in it; it is the rest of the record. */
static int check_hex(const struct zone_word *first, const char *at, struct error_detail *detail)
{
    size_t digits = first->len;
    struct zone_word word;
    while (zone_word_next(&at, &word)) {
        digits += word.len;
    }
    return digits % 2 == 0 ? 0 : error_describe(detail, TXTD_EINVAL, "half an octet at the end of hexadecimal data");
}

/* SVCB and HTTPS (RFC 9460 section 7.2): the rest of the record is parameters. */
static int check_parameters(const struct zone_word *first, const char *at, struct error_detail *detail)
{
    struct zone_word word = *first;
    do {
        if (has_number_behind(&word, "port=") && check_number(&word, 5, UINT16_MAX, detail) != 0) {
            return TXTD_EINVAL;
        }
    } while (zone_word_next(&at, &word));
    return 0;
}

static int check_field(ldns_rdf_type field, const struct zone_word *word, const char *rest, struct error_detail *detail)
{
    uint64_t max = field_max(field);
    bool is_name = word->len > 0 && ((word->text[0] | 0x20) >= 'a' && (word->text[0] | 0x20) <= 'z');
    if (max != 0 && !is_name) { /* names of algorithms are libldns' business */
        return check_number(word, 0, max, detail);
    }
    if (field == LDNS_RDF_TYPE_PERIOD) {
        return check_period(word, detail);
    }
    if (field == LDNS_RDF_TYPE_SVCPARAMS) {
        return check_parameters(word, rest, detail);
    }
    return field == LDNS_RDF_TYPE_HEX && word->len > 1 ? check_hex(word, rest, detail) : 0;
}

int zone_numbers_check(const char *record, const ldns_rr *rr, struct error_detail *detail)
{
    const ldns_rr_descriptor *type = ldns_rr_descript((uint16_t)ldns_rr_get_type(rr));
    const char *at = record;
    struct zone_word word;
    int result = check_head(&at, detail);
    const char *data = at;
    if (result == 0 && zone_word_next(&data, &word) && word.len == 2 && memcmp(word.text, "\\#", 2) == 0) {
        return ldns_rr_rd_count(rr) >= ldns_rr_descriptor_minimum(type)
                   ? 0
                   : error_describe(detail, TXTD_EINVAL, "the data ends before its last field");
    }
    if (result == 0) {
        result = zone_ranges_check(rr, at, detail);
    }
    for (size_t i = 0; result == 0 && i < ldns_rr_descriptor_maximum(type) && zone_word_next(&at, &word); i++) {
        result = check_field(ldns_rr_descriptor_field_type(type, i), &word, at, detail);
    }
    return result;
}
