/* zone_text.h: cuts a zone file (RFC 1035 section 5.1) into single records and directives.
 *
 * libldns reads one record well, but of a file it lets pass what an operator did not mean: a parenthesis or a quote that is
 * never closed, a NUL, a misspelt directive. So the cutting is done here, strictly, with the line on which each record
 * starts; what comes out is one line without comments, parentheses and line ends, for libldns to read.
 *
 * Pure functions over memory. Used by zone_loader.c only; any control thread.
 */
#ifndef TXTD_CONTROL_ZONE_TEXT_H
#define TXTD_CONTROL_ZONE_TEXT_H

#include <stddef.h>

#include "dataplane/error.h"

#define ZONE_TEXT_RECORD_MAX 65536u /* characters of one record */

/* A walk through a text. Set text and len, zero the rest. */
struct zone_text {
    const char *text;
    size_t len;
    size_t at;
    unsigned line; /* lines that were left behind */
};

/* Writes the next record or directive, NUL-terminated, to `record`. Blank space in front of it, which stands for the owner
 * of the record before, becomes one space; strings and escapes stay as they are. `*line` (from 1) is where it starts; after
 * a failure, where the fault is.
 * Returns 1; 0 at the end; TXTD_EINVAL with a `detail` without file and line. */
int zone_text_next(struct zone_text *text, char record[ZONE_TEXT_RECORD_MAX], unsigned *line,
                   struct error_detail *detail);

#endif
