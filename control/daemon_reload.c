/* daemon_reload.c: SIGHUP, and a certificate that was replaced. */
#include <string.h>

#include "control/audit.h"
#include "control/daemon.h"
#include "control/daemon_internal.h"
#include "control/log.h"
#include "control/notify.h"
#include "control/service.h"
#include "control/tls.h"
#include "control/zone_publication.h"
#include "dataplane/respond.h"

static void count(uint64_t *counter)
{
    (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void say_what_needs_a_restart(const struct daemon *daemon, const struct config *loaded)
{
    const char *names[CONFIG_RESTART_KEYS_MAX];
    unsigned count = config_needs_restart(daemon->started, loaded, names);
    for (unsigned i = 0; i < count; i++) {
        log_event(daemon->log, LOG_LEVEL_WARNING, "reload.needs_restart", log_text("key", names[i]),
                  log_text("hint", "changed in the file, but takes a restart; the old value stays until then"));
    }
}

/* A secret that was made for this process lives as long as it: else every reload would make the cookies that clients hold
 * invalid. */
static void keep_random_secret(const struct config *current, struct config *loaded)
{
    if (current->cookie_secrets_random && loaded->cookie_secrets_random) {
        memcpy(loaded->respond.cookie_secrets, current->respond.cookie_secrets, sizeof loaded->respond.cookie_secrets);
    }
}

/* Everything that may fail comes before the log says that it is done; zones go first, for they fail most. */
static int take_over(struct daemon *daemon, struct config *loaded, struct error_detail *detail)
{
    struct service_zone zones[CONFIG_ZONES_MAX];
    struct service_settings settings;
    int rc = zone_publication_publish(loaded, daemon->store, daemon->ttls, daemon->responder, detail);
    if (rc != 0) {
        return rc;
    }
    daemon_service_settings(loaded, zones, &settings);
    rc = service_reload(daemon->service, &settings, detail);
    if (rc == 0) {
        keep_random_secret(daemon->current, loaded);
        loaded->respond.tcp_keepalive_100ms = daemon->started->respond.tcp_keepalive_100ms;
        rc = responder_publish_settings(daemon->responder, &loaded->respond);
    }
    return rc;
}

static void reload_certificate(struct daemon *daemon)
{
    struct error_detail detail = {""};
    const struct config_api *api = &daemon->started->api;
    certificate_watch_begin(&daemon->watch, api->certificate, api->key); /* what changes from here on is seen */
    if (tls_context_reload(daemon->tls, &detail) != 0) {
        count(&daemon->loads.certificates_failed);
        log_event(daemon->log, LOG_LEVEL_ERROR, "reload.certificate_failed", log_text("error", detail.text),
                  log_text("hint", "the old certificate stays"));
        return;
    }
    count(&daemon->loads.certificates);
    log_event(daemon->log, LOG_LEVEL_INFO, "certificate.loaded", log_text("file", api->certificate),
              log_int("not_after", tls_context_not_after_s(daemon->tls)));
}

/* A file that cannot be opened is no reason to go without the zones that are taken over already. */
static void reload_audit(struct daemon *daemon, const struct config *loaded)
{
    struct error_detail detail = {""};
    if (audit_file_change(daemon->audit, loaded->audit_file, &detail) != 0) {
        log_event(daemon->log, LOG_LEVEL_ERROR, "reload.audit_failed", log_text("error", detail.text),
                  log_text("hint", "the old file stays"));
    }
}

bool daemon_tick(struct daemon *daemon)
{
    if (certificate_watch_look(&daemon->watch)) {
        reload_certificate(daemon);
    }
    return daemon_takeover_give(daemon);
}

void daemon_reload(struct daemon *daemon)
{
    struct config *loaded = NULL;
    struct error_detail detail = {""};
    notify_reloading();
    int rc = config_load(daemon->started->file, &loaded, &detail);
    if (rc == 0) {
        rc = take_over(daemon, loaded, &detail);
    }
    count(rc == 0 ? &daemon->loads.reloads : &daemon->loads.reloads_failed);
    if (rc != 0) {
        log_event(daemon->log, LOG_LEVEL_ERROR, "reload.failed",
                  log_text("error", detail.text[0] != '\0' ? detail.text : txtd_error_text(rc)),
                  log_text("hint", "what ran before stays"));
        config_free(loaded);
        notify_ready("serving; the last reload failed");
        return;
    }
    daemon_own_name(daemon, loaded);
    reload_audit(daemon, loaded);
    reload_certificate(daemon);
    say_what_needs_a_restart(daemon, loaded);
    log_change(daemon->log, &loaded->log);
    if (daemon->current != daemon->started) {
        config_free(daemon->current);
    }
    daemon->current = loaded;
    log_event(daemon->log, LOG_LEVEL_INFO, "reload.end", log_uint("zones", loaded->zones_count));
    notify_ready("serving");
}
