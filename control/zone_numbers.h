/* zone_numbers.h: refuses the numbers of a record that libldns would change without a word.
 *
 * libldns reads what does not fit its field modulo the field's size (MX 70000 becomes MX 4464), and takes signs. Here the
 * text of a record that libldns has read is looked at once more, beside what the type's fields can hold.
 *
 * Pure functions over memory. Used by zone_loader.c only; any control thread.
 */
#ifndef TXTD_CONTROL_ZONE_NUMBERS_H
#define TXTD_CONTROL_ZONE_NUMBERS_H

#include <ldns/ldns.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/error.h"

/* The seconds of "300" or "1h30m" (len characters). Returns 0, or TXTD_EINVAL for what is no period or is more than 32 bits
 * can hold. */
int zone_numbers_period(const char *text, size_t len, uint32_t *seconds);

/* `record` is one line as zone_text_next writes it and ldns_rr_new_frm_str reads it, `rr` what it read. Returns 0, or
 * TXTD_EINVAL with a `detail`, without file and line, when TTL, class, type or a number of the data does not fit, when there is
 * half an octet of hexadecimal data, or when data in the form of RFC 3597 ends early. */
int zone_numbers_check(const char *record, const ldns_rr *rr, struct error_detail *detail);

#endif
