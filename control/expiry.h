/* expiry.h: deletes delegates that were registered and never used, if the operator wants that (api.expire_unused).
 *
 * What is deleted never comes back, so only what cannot have served anybody goes: registered that long ago, and since then neither
 * the delegate nor its account was ever changed. Whether it was asked for over DNS is not known here: a customer may have set
 * the CNAME already and issue for the first time later, which is why the period is the operator's choice and none by default.
 *
 * A thread of its own at low priority goes through all accounts, page by page with pauses, and hands in one edit at a time; the
 * committer deletes only what is still as it was when that was decided.
 */
#ifndef TXTD_CONTROL_EXPIRY_H
#define TXTD_CONTROL_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/zone/delegate.h"
#include "storage/store.h"

struct expiry;
struct log;
struct service;
struct service_page;

/* Whether the delegate goes. `unused_s` 0: never. Imported accounts stay: they were used where they came from. Those that the
 * operator has disabled stay too. Pure. */
bool expiry_is_due(const struct store_account *account, const struct delegate_state *delegate, int64_t unused_s,
                   int64_t now_s);

/* Whether the wall clock has gone along with the monotonic one since the start, to the hour; both in seconds since then. A clock
 * that jumps must not delete anything. Pure. */
bool expiry_clock_holds(int64_t wall_passed_s, int64_t monotonic_passed_s);

/* Deletes what is due of a page that was just read, and waits for each. Any thread that may wait. Returns how many went, or the
 * code with which the store refused one (a delegate that was changed meanwhile is no failure: it stays). */
int expiry_sweep_page(struct service *service, const struct service_page *page, int64_t unused_s, int64_t now_s);

/* Starts the thread, as nice as told; all is borrowed until expiry_stop, `log` may be NULL. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int expiry_start(struct service *service, struct log *log, int64_t unused_s, int nice, struct expiry **expiry);

/* Another period, from the next round on, which begins at once. One control thread. */
void expiry_change(struct expiry *expiry, int64_t unused_s);

/* Ends and frees; before the committer stops. NULL is fine. */
void expiry_stop(struct expiry *expiry);

#endif
