#include "control/metrics.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "control/health.h"
#include "control/http_server.h"
#include "control/key_upgrade.h"
#include "control/service.h"
#include "control/tls.h"
#include "dataplane/error.h"
#include "dataplane/io/server.h"
#include "dataplane/respond.h"
#include "dataplane/zone/delegate_table.h"
#include "storage/committer.h"
#include "storage/store.h"

/* The text as far as it is written; `len` runs on when it does not fit. */
struct page {
    char *text;
    size_t capacity, len;
};

static void page_print(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void page_print(struct page *page, const char *format, ...)
{
    va_list args;
    bool fits = page->len < page->capacity;
    va_start(args, format);
    int len = vsnprintf(fits ? page->text + page->len : NULL, fits ? page->capacity - page->len : 0, format, args);
    va_end(args);
    page->len += len > 0 ? (size_t)len : 0;
}

static void family(struct page *page, const char *name, const char *type, const char *help)
{
    page_print(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct page *page, const char *name, const char *type, const char *help, uint64_t number)
{
    family(page, name, type, help);
    page_print(page, "%s %llu\n", name, (unsigned long long)number);
}

static void labelled(struct page *page, const char *name, const char *label, const char *value, uint64_t number)
{
    page_print(page, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)number);
}

/* --- DNS --- */

static void write_dns(struct page *page, const struct dns_server *server)
{
    static const char *const transports[TRANSPORT_COUNT] = {"udp", "tcp", "xdp"};
    static const struct {
        unsigned code;
        const char *name;
    } rcodes[] = {{0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"},  {4, "NOTIMP"},
                  {5, "REFUSED"}, {9, "NOTAUTH"}, {16, "BADVERS"}, {23, "BADCOOKIE"}};
    struct respond_counters sum;
    struct dns_tcp_counters tcp;
    dns_server_counters(server, &sum, &tcp);

    family(page, "txtd_dns_queries_total", "counter", "Messages received, by transport.");
    for (unsigned i = 0; i < TRANSPORT_COUNT; i++) {
        labelled(page, "txtd_dns_queries_total", "transport", transports[i], sum.queries[i]);
    }
    family(page, "txtd_dns_answers_total", "counter", "Answers sent, by RCODE.");
    for (unsigned i = 0; i < sizeof rcodes / sizeof rcodes[0]; i++) {
        labelled(page, "txtd_dns_answers_total", "rcode", rcodes[i].name, sum.rcode[rcodes[i].code]);
    }
    family(page, "txtd_dns_positive_answers_total", "counter", "Answers with records, by where these are from.");
    labelled(page, "txtd_dns_positive_answers_total", "source", "delegate", sum.answers_txt);
    labelled(page, "txtd_dns_positive_answers_total", "source", "static", sum.answers_static);
    single(page, "txtd_dns_nodata_total", "counter", "Answers that the name has no such records.", sum.nodata);
    single(page, "txtd_dns_truncated_total", "counter", "Answers cut short (TC).", sum.truncated);
    single(page, "txtd_dns_dropped_total", "counter", "Messages not answered.", sum.dropped);
    single(page, "txtd_dns_rate_limited_total", "counter", "Answers dropped or cut by rate limiting.",
           sum.rate_limited);
    single(page, "txtd_dns_cookies_valid_total", "counter", "Queries with a valid server cookie.", sum.cookies_valid);

    single(page, "txtd_dns_tcp_connections", "gauge", "Open TCP connections.", tcp.connections);
    single(page, "txtd_dns_tcp_accepted_total", "counter", "TCP connections accepted.", tcp.accepted);
    family(page, "txtd_dns_tcp_refused_total", "counter", "TCP connections closed at once, by the limit reached.");
    labelled(page, "txtd_dns_tcp_refused_total", "limit", "total", tcp.refused_total);
    labelled(page, "txtd_dns_tcp_refused_total", "limit", "client", tcp.refused_per_client);
    family(page, "txtd_dns_tcp_closed_total", "counter", "TCP connections closed by the server, by reason.");
    labelled(page, "txtd_dns_tcp_closed_total", "reason", "idle", tcp.closed_idle);
    labelled(page, "txtd_dns_tcp_closed_total", "reason", "slow", tcp.closed_slow);
}

static void write_table(struct page *page, const struct delegate_table *table)
{
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    single(page, "txtd_delegates", "gauge", "Delegates served.", stats.delegates);
    single(page, "txtd_delegates_live", "gauge", "Delegates that have values.", stats.live);
    single(page, "txtd_delegate_table_bytes", "gauge", "Memory of the delegate table.", stats.bytes);
}

/* --- The API --- */

static void write_http(struct page *page, const struct http_server *server)
{
    static const char *const classes[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_server_counters counters;
    http_server_counters(server, &counters);
    single(page, "txtd_http_connections", "gauge", "Open connections.", counters.connections);
    single(page, "txtd_http_accepted_total", "counter", "Connections accepted.", counters.accepted);
    family(page, "txtd_http_refused_total", "counter", "Connections closed at once, by the limit reached.");
    labelled(page, "txtd_http_refused_total", "limit", "total", counters.refused_total);
    labelled(page, "txtd_http_refused_total", "limit", "client", counters.refused_per_client);
    family(page, "txtd_http_handshakes_total", "counter", "TLS handshakes, by outcome.");
    labelled(page, "txtd_http_handshakes_total", "outcome", "ok", counters.handshakes);
    labelled(page, "txtd_http_handshakes_total", "outcome", "failed", counters.handshakes_failed);
    single(page, "txtd_http_handshakes_resumed_total", "counter", "TLS handshakes that resumed a session.",
           counters.handshakes_resumed);
    single(page, "txtd_http_requests_total", "counter", "Requests.", counters.requests);
    family(page, "txtd_http_answers_total", "counter", "Answers, by class of status.");
    for (unsigned i = 1; i < sizeof classes / sizeof classes[0]; i++) {
        labelled(page, "txtd_http_answers_total", "status", classes[i], counters.status[i]);
    }
    single(page, "txtd_http_timeouts_total", "counter", "Connections closed because the client was too slow.",
           counters.timeouts);
    single(page, "txtd_http_rejected_total", "counter", "Requests refused before any handler saw them.",
           counters.rejected);
}

static void write_service(struct page *page, const struct service *service)
{
    struct service_counters counters;
    service_counters(service, &counters);
    single(page, "txtd_registrations_total", "counter", "Delegates registered.", counters.registrations);
    single(page, "txtd_updates_total", "counter", "Updates made.", counters.updates);
    family(page, "txtd_refusals_total", "counter", "Requests refused, by reason.");
    labelled(page, "txtd_refusals_total", "reason", "forbidden", counters.forbidden);
    labelled(page, "txtd_refusals_total", "reason", "limited", counters.limited);
    labelled(page, "txtd_refusals_total", "reason", "busy", counters.busy);
    labelled(page, "txtd_refusals_total", "reason", "failed", counters.failed);
    single(page, "txtd_calls", "gauge", "Changes under way.", counters.calls);
}

static void write_key_upgrades(struct page *page, const struct key_upgrades *upgrades)
{
    struct key_upgrade_counters counters;
    key_upgrades_counters(upgrades, &counters);
    family(page, "txtd_imported_keys_total", "counter", "Keys compared with an imported bcrypt hash, by outcome.");
    labelled(page, "txtd_imported_keys_total", "outcome", "upgraded", counters.upgraded);
    labelled(page, "txtd_imported_keys_total", "outcome", "wrong", counters.wrong);
    labelled(page, "txtd_imported_keys_total", "outcome", "busy", counters.busy);
    labelled(page, "txtd_imported_keys_total", "outcome", "failed", counters.failed);
    single(page, "txtd_imported_keys_waiting", "gauge", "Keys that are compared, or wait for it.", counters.waiting);
}

static void write_tls(struct page *page, const struct tls_context *tls)
{
    family(page, "txtd_certificate_not_after_seconds", "gauge", "When the API's certificate ends, since 1970.");
    page_print(page, "txtd_certificate_not_after_seconds %lld\n", (long long)tls_context_not_after_s(tls));
}

/* --- The store --- */

static void write_committer(struct page *page, const struct committer *committer)
{
    struct committer_stats stats;
    committer_stats(committer, &stats);
    single(page, "txtd_changes_total", "counter", "Changes handed to the committer.", stats.requests);
    single(page, "txtd_commits_total", "counter", "Commits, each of one or more changes.", stats.commits);
    single(page, "txtd_changes_refused_total", "counter", "Changes refused because the queue was full.",
           stats.refused_full);
    single(page, "txtd_changes_failed_total", "counter", "Changes that the store failed to keep.", stats.failed);
    single(page, "txtd_change_conflicts_total", "counter", "Changes decided again because of another one.",
           stats.conflicts);
    single(page, "txtd_changes_waiting", "gauge", "Changes that wait for the committer.", stats.queue_depth);
    family(page, "txtd_commit_seconds_total", "counter", "Time spent in commits.");
    page_print(page, "txtd_commit_seconds_total %.6f\n", (double)stats.commit_us_total / 1e6);
    family(page, "txtd_commit_longest_seconds", "gauge", "The longest commit so far.");
    page_print(page, "txtd_commit_longest_seconds %.6f\n", (double)stats.commit_us_max / 1e6);
}

static void write_health(struct page *page, const struct health *health)
{
    struct health_report report;
    health_read(health, &report);
    single(page, "txtd_dns_answering", "gauge", "Whether the DNS server answers the background probe.",
           report.dns_answers);
    single(page, "txtd_store_writable", "gauge", "Whether the store takes changes.", report.store == 0);
}

int metrics_write(const struct metrics_sources *sources, char *text, size_t capacity)
{
    struct page page = {text, capacity, 0};
    if (sources->dns != NULL) {
        write_dns(&page, sources->dns);
    }
    if (sources->table != NULL) {
        write_table(&page, sources->table);
    }
    if (sources->http != NULL) {
        write_http(&page, sources->http);
    }
    if (sources->tls != NULL) {
        write_tls(&page, sources->tls);
    }
    if (sources->service != NULL) {
        write_service(&page, sources->service);
    }
    if (sources->key_upgrades != NULL) {
        write_key_upgrades(&page, sources->key_upgrades);
    }
    if (sources->committer != NULL) {
        write_committer(&page, sources->committer);
    }
    if (sources->store != NULL) {
        single(&page, "txtd_store_revision", "gauge", "Revision of the last commit.", store_revision(sources->store));
    }
    if (sources->health != NULL) {
        write_health(&page, sources->health);
    }
    return page.len < page.capacity ? (int)page.len : TXTD_ETRUNCATED;
}
