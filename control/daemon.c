#include "control/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/audit.h"
#include "control/backup_job.h"
#include "control/config_places.h"
#include "control/daemon_internal.h"
#include "control/health.h"
#include "control/http_server.h"
#include "control/key_upgrade.h"
#include "control/log.h"
#include "control/log_writer.h"
#include "control/notify.h"
#include "control/own_challenge.h"
#include "control/publisher.h"
#include "control/seccomp_filter.h"
#include "control/service.h"
#include "control/table_loader.h"
#include "control/takeover.h"
#include "control/tls.h"
#include "control/value_ttls.h"
#include "control/xdp_interfaces.h"
#include "control/zone_publication.h"
#include "dataplane/io/server.h"
#include "dataplane/respond.h"
#include "dataplane/zone/delegate_table.h"
#include "storage/committer.h"
#include "storage/feed.h"
#include "storage/store.h"

#define FEED_OCTETS (4u << 20) /* of changes that are durable and not yet visible */

static int no_memory(struct error_detail *detail)
{
    return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
}

/* --- Before privileges are dropped --- */

static int bind_dns(struct daemon *daemon, struct error_detail *detail)
{
    int rc = delegate_table_new(0, &daemon->table);
    if (rc != 0) {
        return no_memory(detail);
    }
    daemon->responder = responder_new(daemon->table);
    if (daemon->responder == NULL || responder_publish_settings(daemon->responder, &daemon->started->respond) != 0) {
        return no_memory(detail);
    }
    struct dns_server_settings settings = daemon->started->dns;
    settings.tcp.connections_max = daemon->files.dns_connections_max;
    if (daemon->inherited != NULL) {
        settings.inherited = daemon->inherited->dns;
        settings.inherited_count = daemon->inherited->dns_count;
    }
    rc = dns_server_bind(&settings, daemon->responder, &daemon->dns, detail);
    return rc == 0 ? xdp_interfaces_bind(daemon->started, daemon->dns, daemon->responder, &daemon->xdp, detail) : rc;
}

static int load_certificate(const struct config *config, struct tls_context **tls, struct error_detail *detail)
{
    const struct config_api *api = &config->api;
    int rc = tls_context_new(api->certificate, api->key, tls, detail);
    bool key_alone = strstr(detail->text, api->key) != NULL && strstr(detail->text, api->certificate) == NULL;
    return config_blame(config, key_alone ? "api.key" : "api.certificate", rc, detail);
}

static int bind_api(struct daemon *daemon, struct error_detail *detail)
{
    const struct config_api *api = &daemon->started->api;
    int rc = state_directory_prepare(daemon->started, &daemon->identity, &daemon->made, detail);
    if (rc == 0) {
        rc = load_certificate(daemon->started, &daemon->tls, detail);
    }
    if (rc != 0) {
        return rc;
    }
    certificate_watch_begin(&daemon->watch, api->certificate, api->key);
    daemon->started->http.tls = daemon->tls;
    struct http_server_settings settings = daemon->started->http;
    settings.limits.connections_max = daemon->files.api_connections_max;
    if (daemon->inherited != NULL) {
        settings.inherited = daemon->inherited->http;
        settings.inherited_count = daemon->inherited->http_count;
    }
    return http_server_bind(&settings, router_handle, &daemon->router, &daemon->http, detail);
}

static int bind_control(struct daemon *daemon, struct error_detail *detail)
{
    const struct config_process *process = &daemon->started->process;
    if (process->control_socket == NULL) {
        return 0;
    }
    return daemon->inherited != NULL ? control_socket_adopt(process->control_socket, process->control_group,
                                                            daemon->inherited->control, &daemon->control, detail)
                                     : control_socket_bind(process->control_socket, process->control_group,
                                                           &daemon->identity, &daemon->control, detail);
}

static int drop_privileges(struct daemon *daemon, struct error_detail *detail)
{
    int rc = privileges_drop(&daemon->identity, detail);
    if (rc == 0 && daemon->started->process.seccomp) {
        rc = seccomp_filter_install(detail);
    }
    return rc;
}

/* --- After --- */

static int load_store(struct daemon *daemon, struct error_detail *detail)
{
    struct config *config = daemon->started;
    struct delegate_table_stats stats;
    int rc = store_open(&config->store, &daemon->store, detail);
    if (rc == 0) {
        rc = zone_publication_publish(config, daemon->store, daemon->ttls, daemon->responder, detail);
    }
    if (rc == 0) {
        rc = table_loader_load(daemon->store, daemon->ttls, 0, daemon->table, detail);
    }
    if (rc == 0) {
        delegate_table_stats(daemon->table, &stats);
        log_event(daemon->log, LOG_LEVEL_INFO, "store.loaded", log_text("directory", config->store.directory),
                  log_uint("zones", config->zones_count), log_uint("delegates", stats.delegates),
                  log_uint("live", stats.live), log_uint("revision", store_revision(daemon->store)));
    }
    return rc;
}

/* What is written for each change goes through threads: neither may hold up a request. */
static int start_log_writer(struct daemon *daemon, struct error_detail *detail)
{
    int rc = log_writer_start(STDERR_FILENO, &daemon->log_writer);
    if (rc != 0) {
        return error_describe(detail, rc, "the log's thread cannot be started: %s", txtd_error_text(rc));
    }
    log_attach_writer(daemon->log, daemon->log_writer);
    return 0;
}

/* As the user that txtd is from now on: SIGHUP has to be able to open the file again. */
static int start_audit(struct daemon *daemon, struct error_detail *detail)
{
    int rc = audit_start(daemon->log, &daemon->audit);
    if (rc != 0) {
        return error_describe(detail, rc, "the audit log's thread cannot be started: %s", txtd_error_text(rc));
    }
    rc = audit_file_change(daemon->audit, daemon->started->audit_file, detail);
    if (rc == 0) {
        log_attach_audit(daemon->log, daemon->audit);
    }
    return rc;
}

static int start_changes(struct daemon *daemon, struct error_detail *detail)
{
    struct service_zone zones[CONFIG_ZONES_MAX];
    struct service_settings settings;
    int rc = store_secret(daemon->store, daemon->secret, detail);
    if (rc != 0) {
        return rc;
    }
    rc = feed_new(FEED_OCTETS, &daemon->feed);
    if (rc == 0) {
        struct committer_settings committer = daemon->started->committer;
        committer.nice = daemon->started->http.nice;
        rc = committer_start(daemon->store, daemon->feed, &committer, &daemon->committer);
    }
    if (rc == 0) {
        rc = publisher_start(daemon->feed, daemon->committer, daemon->table, daemon->ttls, daemon->log,
                             daemon->started->http.nice, &daemon->publisher);
    }
    if (rc != 0) {
        return error_describe(detail, rc, "the committer cannot be started: %s", txtd_error_text(rc));
    }
    const struct key_upgrade_parts upgrade_parts = {
        .store = daemon->store, .committer = daemon->committer, .log = daemon->log};
    rc = key_upgrades_start(&upgrade_parts, &daemon->started->api.key_upgrades, &daemon->key_upgrades);
    if (rc != 0) {
        return error_describe(detail, rc, "the threads for imported keys cannot be started: %s", txtd_error_text(rc));
    }
    const struct service_parts parts = {.store = daemon->store,
                                        .committer = daemon->committer,
                                        .key_upgrades = daemon->key_upgrades,
                                        .secret = daemon->secret,
                                        .log = daemon->log};
    daemon_service_settings(daemon->started, zones, &settings);
    rc = service_new(&parts, &settings, &daemon->service, detail);
    if (rc == 0 &&
        own_challenge_new(daemon->committer, zones[daemon->started->api.acme_zone].number, &daemon->challenge) != 0) {
        rc = no_memory(detail);
    }
    return rc;
}

void daemon_own_name(struct daemon *daemon, const struct config *config)
{
    const struct config_api *api = &config->api;
    own_challenge_move(daemon->challenge, config->zones[api->acme_zone].source.options.number);
    control_commands_reload(&daemon->commands, api->acme_name, api->acme_target, api->acme_served);
}

static int start_control(struct daemon *daemon, struct error_detail *detail)
{
    daemon->commands.backup = daemon->backup;
    daemon->commands.challenge = daemon->challenge;
    daemon->commands.tls = daemon->tls;
    daemon->commands.log = daemon->log;
    daemon_own_name(daemon, daemon->started);
    if (daemon->control != NULL &&
        control_socket_start(daemon->control, control_commands_handle, &daemon->commands, daemon->log) != 0) {
        return error_describe(detail, TXTD_ESYS, "the control socket's thread cannot be started");
    }
    return 0;
}

static int start_answering(struct daemon *daemon, struct error_detail *detail)
{
    struct dns_address addresses[DNS_SERVER_ADDRESSES_MAX];
    int rc = dns_server_start(daemon->dns, detail);
    rc = rc == 0 ? xdp_interfaces_start(daemon->xdp, detail) : rc;
    rc = rc == 0 ? daemon_takeover_serving(daemon, detail) : rc;
    if (rc != 0) {
        return rc;
    }
    dns_server_addresses(daemon->dns, addresses);
    const struct health_settings settings = {.dns_address = addresses[0].address,
                                             .dns_address_len = addresses[0].address_len,
                                             .service = daemon->service,
                                             .store = daemon->store,
                                             .log = daemon->log};
    rc = health_start(&settings, &daemon->health, detail);
    if (rc != 0) {
        return rc;
    }
    rc = daemon_upkeep_start(daemon, detail);
    if (rc != 0) {
        return rc;
    }
    if (backup_job_new(daemon->store, daemon->started->backup_directory, daemon->log, &daemon->backup) != 0) {
        return error_describe(detail, TXTD_ESYS, "the thread for backups cannot be started");
    }
    daemon->router = (struct router){.service = daemon->service,
                                     .backup = daemon->backup,
                                     .health = daemon->health,
                                     .metrics = {.dns = daemon->dns,
                                                 .xdp = daemon->xdp,
                                                 .table = daemon->table,
                                                 .http = daemon->http,
                                                 .committer = daemon->committer,
                                                 .store = daemon->store,
                                                 .service = daemon->service,
                                                 .key_upgrades = daemon->key_upgrades,
                                                 .usage = daemon->usage,
                                                 .expirer = daemon->expirer,
                                                 .backup = daemon->backup,
                                                 .health = daemon->health,
                                                 .tls = daemon->tls,
                                                 .publisher = daemon->publisher,
                                                 .audit = daemon->audit,
                                                 .log_writer = daemon->log_writer,
                                                 .loads = &daemon->loads,
                                                 .started_s = time(NULL)}};
    return http_server_start(daemon->http, detail);
}

/* --- Together --- */

/* What can be wrong before anything is touched. */
static int check(const struct config *config, struct privileges_identity *identity, struct error_detail *detail)
{
    static const char group[] = "process.group";
    const struct config_process *process = &config->process;
    int rc = privileges_identity_find(process->user, process->group, identity, detail);
    if (rc != 0) {
        bool is_group = strncmp(detail->text, group, sizeof group - 1) == 0;
        return config_blame(config, is_group ? group : "process.user", rc, detail);
    }
    rc = config_blame(config, "process.state_directory", state_directory_check(config, detail), detail);
    return rc == 0 ? zone_publication_check(config, detail) : rc;
}

static int start(struct daemon *daemon, bool take_over, struct error_detail *detail)
{
    int (*const steps[])(struct daemon *, struct error_detail *) = {
        bind_dns,    bind_api,   bind_control,  drop_privileges, start_log_writer,
        start_audit, load_store, start_changes, start_answering, start_control};
    int rc = check(daemon->started, &daemon->identity, detail);
    if (rc == 0) {
        file_limit_fit(daemon->started->dns.tcp.connections_max, daemon->started->http.limits.connections_max,
                       &daemon->files);
        daemon->ttls = value_ttls_new();
        rc = daemon->ttls == NULL ? no_memory(detail) : 0;
    }
    if (rc == 0 && take_over) {
        rc = daemon_takeover_ask(daemon, detail);
    }
    for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof steps[0]; i++) {
        rc = steps[i](daemon, detail);
    }
    return rc;
}

/* A large one takes a while. */
static void stop_backups(struct daemon *daemon)
{
    struct backup_state state = {.runs = false};
    if (daemon->backup != NULL) {
        backup_job_state(daemon->backup, &state);
    }
    if (state.runs) {
        log_event(daemon->log, LOG_LEVEL_INFO, "stop.waits_for_backup", log_text("directory", state.directory));
    }
    backup_job_free(daemon->backup);
}

/* Ends whatever has been started, in the order that loses nothing: no new requests, then every accepted change durable and
 * visible, DNS last. */
static void stop(struct daemon *daemon)
{
    if (daemon->http != NULL) {
        http_server_stop(daemon->http, daemon->current->api.drain_ms);
    }
    if (daemon->control != NULL) {
        control_socket_stop(daemon->control);
    }
    stop_backups(daemon);
    if (daemon->health != NULL) {
        health_stop(daemon->health);
    }
    daemon_upkeep_stop_changes(daemon);
    key_upgrades_stop(daemon->key_upgrades);
    if (daemon->committer != NULL) {
        committer_stop(daemon->committer);
        publisher_join(daemon->publisher);
        committer_free(daemon->committer);
    }
    if (daemon->xdp != NULL) {
        xdp_interfaces_stop(daemon->xdp);
    }
    if (daemon->dns != NULL) {
        dns_server_stop(daemon->dns);
    }
    daemon_upkeep_stop(daemon);
}

static void release(struct daemon *daemon)
{
    daemon_takeover_release(daemon);
    control_socket_free(daemon->control);
    control_commands_destroy(&daemon->commands);
    own_challenge_free(daemon->challenge);
    http_server_free(daemon->http);
    service_free(daemon->service);
    key_upgrades_free(daemon->key_upgrades);
    log_attach_audit(daemon->log, NULL);
    audit_stop(daemon->audit);
    log_attach_writer(daemon->log, NULL);
    log_writer_stop(daemon->log_writer);
    tls_context_free(daemon->tls);
    feed_free(daemon->feed);
    xdp_interfaces_free(daemon->xdp);
    dns_server_free(daemon->dns);
    responder_free(daemon->responder);
    delegate_table_free(daemon->table);
    value_ttls_free(daemon->ttls);
    if (daemon->store != NULL) {
        store_close(daemon->store);
    }
    if (daemon->current != daemon->started) {
        config_free(daemon->current);
    }
    free(daemon);
}

int daemon_start(struct config *config, struct log *log, bool take_over, struct daemon **daemon,
                 struct error_detail *detail)
{
    struct daemon *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return no_memory(detail);
    }
    control_commands_init(&made->commands);
    made->predecessor_fd = -1;
    made->log = log;
    made->started = made->current = config;
    int rc = start(made, take_over, detail);
    if (rc != 0) {
        struct state_made undo = made->made;
        stop(made);
        release(made);
        state_directory_undo(&undo);
        return rc;
    }
    daemon_log_warnings(made);
    daemon_log_addresses(made);
    daemon_takeover_end(made);
    log_event(log, LOG_LEVEL_INFO, "start.end", log_int("pid", getpid()));
    notify_ready("serving");
    *daemon = made;
    return 0;
}

void daemon_stop(struct daemon *daemon)
{
    struct config *started = daemon->started;
    if (!daemon->handed_over) {
        notify_stopping();
    }
    stop(daemon);
    release(daemon);
    config_free(started);
}

int daemon_check(const struct config *config, struct error_detail *detail)
{
    struct privileges_identity identity;
    struct tls_context *tls = NULL;
    int rc = check(config, &identity, detail);
    if (rc == 0) {
        rc = config_check_places(config, detail);
    }
    /* A self-signed certificate may still have to be made. */
    bool to_be_made =
        config->api.self_signed && access(config->api.certificate, F_OK) != 0 && access(config->api.key, F_OK) != 0;
    if (rc == 0 && !to_be_made) {
        rc = load_certificate(config, &tls, detail);
        tls_context_free(tls);
    }
    return rc;
}
