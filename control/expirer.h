/* expirer.h: deletes delegates that nobody uses, by the rules in force (service_rules.h): never used since they were registered,
 * or not for very long. An update is a use, and so is a DNS query.
 *
 * A pass looks at every account, EXPIRER_PAGES_PER_S pages a second, once an hour. It deletes at most EXPIRER_PASS_MAX, and
 * none when the wall clock has jumped or in the first hour, so that a wrong clock cannot empty the service. Each deletion is a change like any
 * other: durable, served, in the audit log as delegate.expired. The name is never given out again.
 */
#ifndef TXTD_CONTROL_EXPIRER_H
#define TXTD_CONTROL_EXPIRER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"

struct delegate_state;
struct expirer;
struct log;
struct service;
struct service_rules;
struct store_account;

#define EXPIRER_PAGES_PER_S 20
#define EXPIRER_PASS_MAX    10000

/* How long the wall clock has to have stood before the first pass. A machine may start with any time at all, and is put right
 * within the hour; after that its clock is believed. */
#define EXPIRER_WAIT_S 3600

/* Starts the thread; the first pass is made `wait_s` later, unless the wall clock has jumped by then: then none is, until the next.
 * All is borrowed. Returns 0, TXTD_ENOMEM or TXTD_ESYS. */
int expirer_start(struct service *service, struct log *log, unsigned wait_s, struct expirer **expirer);

/* Ends it, once the deletion under way is done. Before the committer. NULL is fine. */
void expirer_stop(struct expirer *expirer);

/* Deletions since the start. Any thread. */
uint64_t expirer_expired(const struct expirer *expirer);

/* One whole pass as of `now_s`; *stopping (may be NULL) ends it early. Adds to *expired. Any thread that may wait. Returns 0, or a
 * code of the store's. */
int expirer_pass(struct service *service, int64_t now_s, const bool *stopping, uint64_t *expired);

/* Whether that is due by what account and delegate themselves tell, so that looking at how it was asked for is worth it.
 * Pure. */
bool expirer_may_be_due(const struct service_rules *rules, const struct store_account *account,
                        const struct delegate_state *delegate, int64_t now_s);

#endif
