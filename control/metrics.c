#include "control/metrics.h"

#include <stdint.h>

#include "control/backup_job.h"
#include "control/expirer.h"
#include "control/health.h"
#include "control/http_server.h"
#include "control/key_upgrade.h"
#include "control/metrics_changes.h"
#include "control/metrics_dns.h"
#include "control/metrics_page.h"
#include "control/metrics_process.h"
#include "control/service_edits.h"
#include "control/tls.h"
#include "control/usage_collector.h"
#include "dataplane/error.h"

/* --- The API --- */

static void write_http(struct metrics_page *page, const struct http_server *server)
{
    static const char *const classes[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_server_counters counters;
    http_server_counters(server, &counters);
    metrics_single(page, "txtd_http_connections", "gauge", "Open connections.", counters.connections);
    metrics_single(page, "txtd_http_connections_max", "gauge", "Open connections that there may be.",
                   counters.connections_max);
    metrics_single(page, "txtd_http_accepted_total", "counter", "Connections accepted.", counters.accepted);
    metrics_family(page, "txtd_http_refused_total", "counter", "Connections closed at once, by the limit reached.");
    metrics_labelled(page, "txtd_http_refused_total", "limit", "total", counters.refused_total);
    metrics_labelled(page, "txtd_http_refused_total", "limit", "client", counters.refused_per_client);
    metrics_single(page, "txtd_http_displaced_total", "counter", "Idle connections closed to make room for new ones.",
                   counters.displaced);
    metrics_family(page, "txtd_http_handshakes_total", "counter", "TLS handshakes, by outcome.");
    metrics_labelled(page, "txtd_http_handshakes_total", "outcome", "ok", counters.handshakes);
    metrics_labelled(page, "txtd_http_handshakes_total", "outcome", "failed", counters.handshakes_failed);
    metrics_single(page, "txtd_http_handshakes_resumed_total", "counter", "TLS handshakes that resumed a session.",
                   counters.handshakes_resumed);
    metrics_single(page, "txtd_http_requests_total", "counter", "Requests.", counters.requests);
    metrics_family(page, "txtd_http_answers_total", "counter", "Answers, by class of status.");
    for (unsigned i = 1; i < sizeof classes / sizeof classes[0]; i++) {
        metrics_labelled(page, "txtd_http_answers_total", "status", classes[i], counters.status[i]);
    }
    metrics_single(page, "txtd_http_timeouts_total", "counter", "Connections closed because the client was too slow.",
                   counters.timeouts);
    metrics_single(page, "txtd_http_accept_pauses_total", "counter",
                   "Times that a thread took no connections for a moment: no descriptor, or no memory, was left.",
                   counters.accept_pauses);
    metrics_single(page, "txtd_http_rejected_total", "counter", "Requests refused before any handler saw them.",
                   counters.rejected);
}

static void write_refusals(struct metrics_page *page, const struct service_counters *counters)
{
    static const char *const limits[] = {
        [SERVICE_LIMIT_REGISTRATIONS_CLIENT] = "registrations_client",
        [SERVICE_LIMIT_REGISTRATIONS_NETWORK] = "registrations_network",
        [SERVICE_LIMIT_REGISTRATIONS_TOTAL] = "registrations_total",
        [SERVICE_LIMIT_UPDATES] = "updates",
        [SERVICE_LIMIT_FAILURES] = "failures",
        [SERVICE_LIMIT_BCRYPT] = "bcrypt",
        [SERVICE_LIMIT_DELEGATES] = "delegates",
    };
    const struct {
        const char *reason;
        uint64_t requests;
    } reasons[] = {{"forbidden", counters->forbidden}, {"not_found", counters->not_found},
                   {"limited", counters->limited},     {"full", counters->full},
                   {"conflict", counters->conflict},   {"invalid", counters->invalid},
                   {"busy", counters->busy},           {"failed", counters->failed}};
    metrics_family(page, "txtd_refusals_total", "counter",
                   "Requests refused, by reason; busy and failed are ours, the others the client's.");
    for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        metrics_labelled(page, "txtd_refusals_total", "reason", reasons[i].reason, reasons[i].requests);
    }
    metrics_family(page, "txtd_limits_reached_total", "counter", "Times that a limit of api.limits was reached.");
    for (unsigned i = 0; i < SERVICE_LIMITS; i++) {
        metrics_labelled(page, "txtd_limits_reached_total", "limit", limits[i], counters->limits[i]);
    }
}

static void write_service(struct metrics_page *page, struct service *service)
{
    static const char *const kinds[] = {
        [SERVICE_EDIT_SETTINGS] = "settings",
        [SERVICE_EDIT_VALUES] = "values",
        [SERVICE_EDIT_VALUE_REMOVE] = "value_remove",
        [SERVICE_EDIT_PERSISTENT] = "persistent",
        [SERVICE_EDIT_KEY_ADD] = "key_add",
        [SERVICE_EDIT_KEY_REVOKE] = "key_revoke",
        [SERVICE_EDIT_DELETE] = "delete",
        [SERVICE_EDIT_DISABLE] = "disable",
        [SERVICE_EDIT_ENABLE] = "enable",
        [SERVICE_EDIT_EXPIRE] = "expire",
    };
    struct service_counters counters;
    struct service_bounds bounds;
    service_counters(service, &counters);
    service_bounds(service, &bounds);
    metrics_single(page, "txtd_registrations_total", "counter", "Delegates registered.", counters.registrations);
    metrics_single(page, "txtd_updates_total", "counter", "Updates made.", counters.updates);
    metrics_family(page, "txtd_edits_total", "counter", "Changes made through the native API, by kind.");
    for (unsigned i = 0; i < SERVICE_EDIT_KINDS; i++) {
        metrics_labelled(page, "txtd_edits_total", "kind", kinds[i], counters.edits[i]);
    }
    write_refusals(page, &counters);
    metrics_single(page, "txtd_calls", "gauge", "Registrations and updates under way.", counters.calls);
    metrics_single(page, "txtd_calls_max", "gauge", "Registrations and updates that may be under way.",
                   bounds.calls_max);
    metrics_single(page, "txtd_edits", "gauge", "Changes of the native API under way.", counters.edits_under_way);
    metrics_single(page, "txtd_edits_max", "gauge", "Changes of the native API that may be under way.",
                   bounds.edits_max);
    metrics_single(page, "txtd_delegates_max", "gauge", "Delegates that there may be; 0: no limit.",
                   bounds.delegates_max);
}

static void write_key_upgrades(struct metrics_page *page, const struct key_upgrades *upgrades)
{
    struct key_upgrade_counters counters;
    key_upgrades_counters(upgrades, &counters);
    metrics_family(page, "txtd_imported_keys_total", "counter",
                   "Keys compared with an imported bcrypt hash, by outcome.");
    metrics_labelled(page, "txtd_imported_keys_total", "outcome", "upgraded", counters.upgraded);
    metrics_labelled(page, "txtd_imported_keys_total", "outcome", "wrong", counters.wrong);
    metrics_labelled(page, "txtd_imported_keys_total", "outcome", "busy", counters.busy);
    metrics_labelled(page, "txtd_imported_keys_total", "outcome", "failed", counters.failed);
    metrics_single(page, "txtd_imported_keys_waiting", "gauge", "Keys that are compared, or wait for it.",
                   counters.waiting);
}

static void write_backups(struct metrics_page *page, struct backup_job *job)
{
    struct backup_state state;
    backup_job_state(job, &state);
    metrics_single(page, "txtd_backup_last_success_timestamp_seconds", "gauge",
                   "When the last backup that worked has ended, since 1970; 0: none since the start.",
                   (uint64_t)state.succeeded_at_s);
    metrics_single(page, "txtd_backup_failures_total", "counter", "Backups that were begun and have failed.",
                   state.failures);
    metrics_single(page, "txtd_backup_running", "gauge", "Whether a backup is being made.", state.runs);
}

static void write_tls(struct metrics_page *page, const struct tls_context *tls)
{
    metrics_family(page, "txtd_certificate_not_after_seconds", "gauge", "When the API's certificate ends, since 1970.");
    metrics_print(page, "txtd_certificate_not_after_seconds %lld\n", (long long)tls_context_not_after_s(tls));
}

/* --- All --- */

static void write_health(struct metrics_page *page, const struct health *health)
{
    struct health_report report;
    health_read(health, &report);
    metrics_single(page, "txtd_dns_answering", "gauge", "Whether the DNS server answers the background probe.",
                   report.dns_answers);
    metrics_single(page, "txtd_store_writable", "gauge", "Whether the store takes changes.", report.store == 0);
    metrics_single(page, "txtd_store_damaged", "gauge", "Whether a read has found a file of the store damaged.",
                   report.store_damaged);
}

int metrics_write(const struct metrics_sources *sources, char *text, size_t capacity)
{
    struct metrics_page page = {text, capacity, 0};
    if (sources->dns != NULL) {
        metrics_write_dns(&page, sources->dns, sources->xdp);
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
    if (sources->usage != NULL && sources->expirer != NULL) {
        metrics_single(&page, "txtd_usage_lost_total", "counter",
                       "DNS queries that were not counted as a delegate's use.", usage_collector_lost(sources->usage));
        metrics_single(&page, "txtd_delegates_expired_total", "counter", "Delegates deleted for nobody used them.",
                       expirer_expired(sources->expirer));
    }
    if (sources->backup != NULL) {
        write_backups(&page, sources->backup);
    }
    metrics_write_changes(&page, sources);
    if (sources->health != NULL) {
        write_health(&page, sources->health);
    }
    metrics_write_process(&page, sources);
    return page.len < page.capacity ? (int)page.len : TXTD_ETRUNCATED;
}
