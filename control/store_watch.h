/* store_watch.h: says in the log when the store stops taking changes, when it does so again, and when it is damaged.
 *
 * The reason is told, and another one when it changes. What the store itself knows is looked at once a second; a refusal that was over before the next look is told too. One thread.
 */
#ifndef TXTD_CONTROL_STORE_WATCH_H
#define TXTD_CONTROL_STORE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct log;
struct store;

#define STORE_WATCH_REPEAT_S 60 /* between two lines about damage */

struct store_watch {
    const struct store *store; /* borrowed */
    struct log *log;           /* borrowed; may be NULL */
    int refused;               /* the code at the last look; 0: changes were taken */
    int64_t refused_since_s, damage_told_s;
    uint64_t failed_writes, damaged_reads; /* told */
};

/* Looks, and logs what has changed; `now_s` is of a monotonic clock. Returns store_writable's answer. */
int store_watch_look(struct store_watch *watch, int64_t now_s);

/* Whether a read has found damage since the store was opened. */
bool store_watch_is_damaged(const struct store_watch *watch);

#endif
