/* Reclamation: what readers may still see is freed after a grace period, one for many entries. */
#include "dataplane/zone/delegate_table_internal.h"

#include <time.h>
#include <urcu/urcu-qsbr.h>

/* liburcu is not built with ThreadSanitizer, which cannot see that a grace period orders readers before the writer. */
#ifdef __SANITIZE_THREAD__
#define TABLE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TABLE_TSAN 1
#endif
#endif
#ifdef TABLE_TSAN
#include <sanitizer/tsan_interface.h>
#define AFTER_GRACE_PERIOD(table) __tsan_acquire(table)
#else
#define AFTER_GRACE_PERIOD(table) ((void)(table))
#endif

static uint64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void table_wait_for_readers(struct delegate_table *table)
{
    uint64_t begun_us = monotonic_us();
    urcu_qsbr_synchronize_rcu();
    uint64_t took_us = monotonic_us() - begun_us;
    AFTER_GRACE_PERIOD(table);
    for (unsigned i = 0; i < table->retired_count; i++) {
        slab_free(&table->slab, table->retired[i]);
    }
    table->retired_count = 0;
    table_count(&table->stats.grace_periods, 1);
    table_count(&table->stats.grace_us_total, (int64_t)took_us);
    if (took_us > table->stats.grace_us_max) {
        table_count(&table->stats.grace_us_max, (int64_t)(took_us - table->stats.grace_us_max));
    }
    table_count(&table->stats.retired, -(int64_t)table->stats.retired);
}

void table_retire(struct delegate_table *table, struct delegate_entry *entry)
{
    table->retired[table->retired_count++] = entry;
    table_count(&table->stats.retired, 1);
    if (table->retired_count == RETIRED_MAX) {
        table_wait_for_readers(table);
    }
}
