#include "control/metrics_changes.h"

#include <stdint.h>

#include "control/metrics.h"
#include "control/metrics_page.h"
#include "control/publisher.h"
#include "dataplane/zone/delegate_table.h"
#include "storage/committer.h"
#include "storage/store.h"

static void seconds(struct metrics_page *page, const char *name, uint64_t us)
{
    metrics_print(page, "%s %.6f\n", name, (double)us / 1e6);
}

static void write_commit_times(struct metrics_page *page, const struct committer_stats *stats)
{
    uint64_t within = 0;
    metrics_family(page, "txtd_commit_seconds", "histogram", "What a commit takes, all its changes together.");
    for (unsigned i = 0; i < COMMITTER_CLASSES; i++) {
        within += stats->classes[i].commits;
        metrics_print(page, "txtd_commit_seconds_bucket{le=\"%g\"} %llu\n", (double)stats->classes[i].us / 1e6,
                      (unsigned long long)within);
    }
    /* The counters are read one by one while they grow: the whole is never less than its parts. */
    uint64_t all = stats->commits > within ? stats->commits : within;
    metrics_print(page, "txtd_commit_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)all);
    seconds(page, "txtd_commit_seconds_sum", stats->commit_us_total);
    metrics_print(page, "txtd_commit_seconds_count %llu\n", (unsigned long long)all);
    metrics_family(page, "txtd_commit_longest_seconds", "gauge", "The longest commit so far.");
    seconds(page, "txtd_commit_longest_seconds", stats->commit_us_max);
}

static void write_committer(struct metrics_page *page, const struct committer *committer)
{
    struct committer_stats stats;
    committer_stats(committer, &stats);
    metrics_single(page, "txtd_changes_total", "counter", "Changes handed to the committer.", stats.requests);
    metrics_single(page, "txtd_commits_total", "counter", "Commits, each of one or more changes.", stats.commits);
    metrics_single(page, "txtd_changes_refused_total", "counter", "Changes refused because the queue was full.",
                   stats.refused_full);
    metrics_single(page, "txtd_changes_failed_total", "counter", "Changes that the store failed to keep.",
                   stats.failed);
    metrics_single(page, "txtd_change_conflicts_total", "counter", "Changes decided again because of another one.",
                   stats.conflicts);
    metrics_single(page, "txtd_changes_waiting", "gauge", "Changes that wait for the committer.", stats.queue_depth);
    metrics_single(page, "txtd_changes_waiting_max", "gauge", "Changes that may wait; more are answered 503.",
                   stats.queue_max);
    metrics_single(page, "txtd_served_revision", "gauge", "Revision up to which DNS serves all changes.",
                   stats.served_revision);
    write_commit_times(page, &stats);
}

static void write_store(struct metrics_page *page, const struct store *store)
{
    struct store_disk disk;
    store_disk(store, &disk);
    metrics_single(page, "txtd_store_revision", "gauge", "Revision of the last commit.", store_revision(store));
    metrics_single(page, "txtd_store_bytes", "gauge", "Disk space that the store takes.", disk.used);
    metrics_single(page, "txtd_store_available_bytes", "gauge", "Free space of the store's filesystem.",
                   disk.available);
    metrics_single(page, "txtd_store_reserve_bytes", "gauge", "Free space below which changes are refused.",
                   disk.reserve);
}

static void write_publisher(struct metrics_page *page, const struct publisher *publisher)
{
    struct publisher_stats stats;
    publisher_stats(publisher, &stats);
    metrics_single(page, "txtd_published_total", "counter", "Changes made visible to DNS.", stats.applied);
    metrics_single(page, "txtd_expired_total", "counter", "Delegates whose values have expired.", stats.expired);
    metrics_single(page, "txtd_publish_stalls_total", "counter", "Tries to publish a change without memory for it.",
                   stats.stalls);
}

static void write_table(struct metrics_page *page, const struct delegate_table *table)
{
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    metrics_single(page, "txtd_delegates", "gauge", "Delegates served.", stats.delegates);
    metrics_single(page, "txtd_delegates_live", "gauge", "Delegates that have values.", stats.live);
    metrics_single(page, "txtd_delegate_table_bytes", "gauge", "Memory of the delegate table.", stats.bytes);
    metrics_single(page, "txtd_rcu_retired", "gauge", "Replaced entries that wait until no worker can see them.",
                   stats.retired);
    metrics_single(page, "txtd_rcu_grace_periods_total", "counter", "Times that all workers were waited for.",
                   stats.grace_periods);
    metrics_family(page, "txtd_rcu_grace_seconds_total", "counter", "Time spent waiting for all workers.");
    seconds(page, "txtd_rcu_grace_seconds_total", stats.grace_us_total);
    metrics_family(page, "txtd_rcu_grace_longest_seconds", "gauge", "The longest wait for all workers so far.");
    seconds(page, "txtd_rcu_grace_longest_seconds", stats.grace_us_max);
}

void metrics_write_changes(struct metrics_page *page, const struct metrics_sources *sources)
{
    if (sources->committer != NULL) {
        write_committer(page, sources->committer);
    }
    if (sources->store != NULL) {
        write_store(page, sources->store);
    }
    if (sources->publisher != NULL) {
        write_publisher(page, sources->publisher);
    }
    if (sources->table != NULL) {
        write_table(page, sources->table);
    }
}
