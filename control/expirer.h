/* expirer.h: deletes delegates that nobody uses, by the rules in force (service_rules.h): never used since they were registered,
 * or not for very long. An update is a use, and so is a DNS query.
 *
 * A pass looks at every account, EXPIRER_PAGES_PER_S pages a second, once an hour. It deletes at most EXPIRER_PASS_MAX, and
 * none when the wall clock has jumped or in the first hour, so that a wrong clock cannot empty the service. When there are more,
 * the next pass goes on at once where it has stopped, after another look at the clock, so that deletions keep up with
 * registrations. Each deletion is a change like any
 * other: durable, served, in the audit log as delegate.expired. The name is never given out again.
 */
#ifndef TXTD_CONTROL_EXPIRER_H
#define TXTD_CONTROL_EXPIRER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"
#include "dataplane/zone/delegate.h"

struct expirer;
struct log;
struct service;
struct service_rules;
struct store_account;

#define EXPIRER_PAGES_PER_S 20
#define EXPIRER_PASS_MAX    10000
#define EXPIRER_EVERY_S     3600

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

/* One pass: all zero but for the first two, or as the one before has left it. */
struct expirer_pass {
    int64_t now_s;            /* wall clock: what is due by it */
    uint64_t expired_max;     /* it stops at so many */
    uint64_t expired;         /* out: so many it has deleted */
    bool more;                /* out: it has stopped there; the next one goes on behind `after` */
    struct delegate_id after; /* the last account that was looked at, if `more` */
};

/* Makes it; *stopping (may be NULL) ends it early. Any thread that may wait. Returns 0, or a code of the store's. */
int expirer_pass(struct service *service, struct expirer_pass *pass, const bool *stopping);

/* Whether that is due by what account and delegate themselves tell, so that looking at how it was asked for is worth it.
 * Pure. */
bool expirer_may_be_due(const struct service_rules *rules, const struct store_account *account,
                        const struct delegate_state *delegate, int64_t now_s);

#endif
