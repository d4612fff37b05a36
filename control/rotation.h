/* rotation.h: which values a delegate serves after an update: the slot rule.
 *
 * The newest distinct values are served, two by default, so that a name and its wildcard, which are validated with two
 * values at the same owner, can be ordered together. Order is that of the calls, not of the clock: many updates may share
 * one second. Pure.
 */
#ifndef TXTD_CONTROL_ROTATION_H
#define TXTD_CONTROL_ROTATION_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/zone/delegate.h"

/* Makes `value` the newest of the delegate's values and drops the oldest beyond `slots` (1 .. DELEGATE_VALUES_MAX). A value
 * that is there already moves to the end. Values whose time is over at `now_s` are dropped first, so an update does not
 * bring them back. From now on the values are served for `expiry_s` seconds; 0: until they are replaced.
 * Returns 0, or TXTD_EINVAL (nothing changed) for an empty value, one above DELEGATE_VALUE_LEN_MAX, or bad `slots`. */
int rotation_apply(struct delegate_state *delegate, unsigned slots, int64_t expiry_s, const char *value, size_t len,
                   int64_t now_s);

#endif
