/* live_history.h: changes at a steady rate, straight to the committer, and what each delegate may therefore answer.
 *
 * Every change adds a value that tells its delegate and its turn; a delegate has at most one change under way. So at any moment
 * a right answer holds two values of two turns in a row, none older than the last acknowledged one and none newer than the
 * last submitted one.
 */
#ifndef TXTD_BENCH_LIVE_HISTORY_H
#define TXTD_BENCH_LIVE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_HOT 64 /* delegates that get every other change */

struct committer;
struct live_history;

/* The histories of delegates 0 .. delegates-1 of the population, in `zone`. Ends the program when it cannot. */
struct live_history *live_history_new(struct committer *committer, uint16_t zone, uint64_t delegates);
void live_history_free(struct live_history *history);

/* Gives each delegate its first two values; waits until all are acknowledged. */
void live_history_fill(struct live_history *history);

/* Submits so many changes a second from a thread of its own, until live_history_pause, which waits for the last one and returns
 * how many were acknowledged since. */
void live_history_run(struct live_history *history, double per_second);
uint64_t live_history_pause(struct live_history *history);

/* Turns of a delegate: the last acknowledged one (before asking), the last submitted one (after the answer). Any thread. */
uint32_t live_history_acknowledged(const struct live_history *history, uint64_t number);
uint32_t live_history_submitted(const struct live_history *history, uint64_t number);

/* The delegate whose change was acknowledged last. Any thread. */
uint64_t live_history_latest(const struct live_history *history);

/* Reads a value. Returns false unless it has the form that live_history writes. */
bool live_history_read(const char *text, size_t len, uint64_t *number, uint32_t *turn);

#endif
