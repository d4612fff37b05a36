/* change_text.h: what a change was about, in one line of bounded length, for the audit log and a delegate's history.
 *
 * Values stand as in a zone file: "one" "two", with \" and \\ for these two characters. What does not fit is cut off, and the
 * line ends with "..." then. Pure; any thread.
 */
#ifndef TXTD_CONTROL_CHANGE_TEXT_H
#define TXTD_CONTROL_CHANGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/store.h"

#define CHANGE_TEXT_MAX 1000 /* octets, for a line of the log: twice that when all of it is escaped */

/* Writes the values into `text`, at most `capacity` octets and no NUL. Returns how many; no values: 0. */
size_t change_text_values(const struct delegate_state *state, char *text, size_t capacity);

/* The same for the persistent values. */
size_t change_text_persistent(const struct delegate_state *state, char *text, size_t capacity);

/* What was changed of an account: "allowfrom 192.0.2.0/24 2001:db8::/32, note". The note's words are the customer's and stay out.
 * `allowfrom` is NULL when it stays as it was. As above. */
size_t change_text_settings(const struct store_cidr allowfrom[], unsigned allowfrom_count, bool sets_note, char *text,
                            size_t capacity);

#endif
