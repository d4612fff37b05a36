/* daemon_log.c: what a start that has worked says in the log. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/daemon_internal.h"
#include "control/http_server.h"
#include "control/log.h"
#include "control/xdp_interfaces.h"
#include "dataplane/io/server.h"

static void log_address(struct log *log, const char *event, const char *kind, const struct sockaddr_storage *address)
{
    char host[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 16];
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(text, sizeof text, "%s:%u", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        (void)snprintf(text, sizeof text, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
    log_event(log, LOG_LEVEL_INFO, event, log_text("address", text), log_text("kind", kind));
}

void daemon_log_addresses(const struct daemon *daemon)
{
    struct dns_address dns[DNS_SERVER_ADDRESSES_MAX];
    struct sockaddr_storage http[HTTP_LISTENERS_MAX];
    dns_server_addresses(daemon->dns, dns);
    for (unsigned i = 0; i < daemon->started->dns.addresses_count; i++) {
        log_address(daemon->log, "dns.listening", "udp+tcp", &dns[i].address);
    }
    xdp_interfaces_log(daemon->xdp, daemon->log);
    http_server_addresses(daemon->http, http);
    for (unsigned i = 0; i < daemon->started->http.listeners_count; i++) {
        const struct http_listener *listener = &daemon->started->http.listeners[i];
        const char *kind = listener->site == CONFIG_SITE_INTERNAL ? "internal"
                           : listener->proxy_protocol             ? "https+proxy"
                                                                  : "https";
        log_address(daemon->log, "api.listening", kind, &http[i]);
    }
}

/* Files of secrets that any user of the machine can read. */
static void log_readable_secrets(const struct config *config, struct log *log)
{
    const struct {
        const char *key, *file;
    } rows[] = {
        {"api.key", config->api.key},
        {"api.operator_tokens_file", config->api.operator_tokens_file},
        {"api.registration_tokens_file", config->api.registration_tokens_file},
        {"dns.cookie_secret_file", config->cookie_secret_file},
        {"dns.cookie_secrets", config->cookie_secrets_inline ? config->file : NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stat status;
        if (rows[i].file != NULL && stat(rows[i].file, &status) == 0 && (status.st_mode & S_IROTH) != 0) {
            log_event(log, LOG_LEVEL_WARNING, "start.secret_readable", log_text("key", rows[i].key),
                      log_text("file", rows[i].file),
                      log_text("hint", "any user of this machine can read it; chmod o= and, for txtd, chgrp"));
        }
    }
}

void daemon_log_warnings(const struct daemon *daemon)
{
    if (daemon->made.certificate != NULL) {
        log_event(daemon->log, LOG_LEVEL_WARNING, "certificate.self_signed", log_text("file", daemon->made.certificate),
                  log_text("hint", "made now; clients trust it only if they are told to"));
    }
    if (geteuid() == 0) {
        log_event(daemon->log, LOG_LEVEL_WARNING, "start.root",
                  log_text("hint", "txtd runs as root, if without capabilities; give process.user"));
    }
    log_readable_secrets(daemon->started, daemon->log);
    file_limit_log(&daemon->files, daemon->log);
}
