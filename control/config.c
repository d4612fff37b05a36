#include "control/config.h"

#include <stdlib.h>
#include <string.h>

#include "control/config_document.h"
#include "control/config_keys.h"
#include "control/config_parts.h"
#include "control/config_raw.h"
#include "control/config_reader.h"
#include "dataplane/io/gather.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Both identity and version; struct respond_settings has room for a NUL too. */
#define IDENTITY_LEN_MAX (sizeof(((struct respond_settings *)NULL)->identity) - 1)

#define QUOTE(text)     #text
#define TEXT_OF(number) QUOTE(number)

#define DAY_S  INT64_C(86400)
#define YEAR_S (366 * DAY_S)

#define KEY(member, target, ...) CONFIG_KEY(struct config_raw, struct config, member, target, __VA_ARGS__)

static const char *const registration_words[] = {"open", "off", "token", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_words[] = {"logfmt", "json", NULL};

/* Every single-valued key outside the zones. */
static const struct config_key keys[] = {
    KEY(dns.workers, dns.workers, CONFIG_NUMBER, "0", 0, DNS_SERVER_WORKERS_MAX),
    KEY(dns.pin, dns.pin, CONFIG_BOOL, "true", 0, 1),
    KEY(dns.gather, dns.gather_us, CONFIG_NUMBER, TEXT_OF(GATHER_US_DEFAULT), 0, GATHER_US_MAX),
    KEY(dns.udp_receive_buffer, dns.udp_receive_buffer, CONFIG_OCTETS, "1MiB", 0, 1u << 30),
    KEY(dns.identity, dns_identity, CONFIG_STRING, "", 0, IDENTITY_LEN_MAX, .reloadable = true),
    KEY(dns.version, dns_version, CONFIG_STRING, "", 0, IDENTITY_LEN_MAX, .reloadable = true),
    KEY(dns.cookies, cookies, CONFIG_BOOL, "true", 0, 1, .reloadable = true),
    KEY(dns.rrl.enabled, dns.rrl, CONFIG_BOOL, "true", 0, 1),
    KEY(dns.rrl.positive_per_second, dns.rrl_settings.positive_per_s, CONFIG_NUMBER, "5000", 0, 100000000),
    KEY(dns.rrl.other_per_second, dns.rrl_settings.other_per_s, CONFIG_NUMBER, "200", 0, 100000000),
    KEY(dns.rrl.slip, dns.rrl_settings.slip, CONFIG_NUMBER, "2", 0, 1000),
    KEY(dns.rrl.table_entries, dns.rrl_settings.table_entries, CONFIG_NUMBER, "524288", 1024, 1u << 28),
    KEY(dns.tcp.connections, dns.tcp.connections_max, CONFIG_NUMBER, "10000", 1, 1000000),
    KEY(dns.tcp.connections_per_client, dns.tcp.connections_per_client_max, CONFIG_NUMBER, "200", 1, 1000000),
    KEY(dns.tcp.idle, dns.tcp.idle_ms, CONFIG_MILLISECONDS, "10s", 100, 6553500),
    KEY(dns.tcp.send, dns.tcp.send_ms, CONFIG_MILLISECONDS, "5s", 100, 600000),
    KEY(dns.tcp.queries_per_connection, dns.tcp.queries_per_connection_max, CONFIG_NUMBER, "0", 0, 1000000000),
    KEY(dns.tcp.output, dns.tcp.output_max, CONFIG_OCTETS, "256KiB", 128u << 10, 64u << 20),
    KEY(dns.tcp.memory, dns.tcp.buffered_max, CONFIG_OCTETS, "64MiB", 1u << 20, 1ull << 40),

    KEY(api.certificate, api.certificate, CONFIG_STRING, NULL, 1, 4095),
    KEY(api.key, api.key, CONFIG_STRING, NULL, 1, 4095),
    KEY(api.self_signed, api.self_signed, CONFIG_BOOL, "false", 0, 1),
    KEY(api.http2, http.http2, CONFIG_BOOL, "false", 0, 1),
    KEY(api.threads, http.threads, CONFIG_NUMBER, "2", 1, 64),
    KEY(api.nice, http.nice, CONFIG_NUMBER, "10", 0, 19),
    KEY(api.expire_unused, api.expire_unused_s, CONFIG_SECONDS, "90d", 0, 100 * YEAR_S, .reloadable = true),
    KEY(api.expire_idle, api.expire_idle_s, CONFIG_SECONDS, "0", 0, 100 * YEAR_S, .reloadable = true),
    KEY(api.drain, api.drain_ms, CONFIG_MILLISECONDS, "5s", 0, 60000, .reloadable = true),
    KEY(api.registration, api.registration, CONFIG_WORD, "open", 0, 0, .words = registration_words, .reloadable = true),
    KEY(api.limits.connections, http.limits.connections_max, CONFIG_NUMBER, "4096", 1, 1000000),
    KEY(api.limits.connections_per_client, http.limits.connections_per_client_max, CONFIG_NUMBER, "64", 1, 1000000),
    KEY(api.limits.handshake, http.limits.handshake_ms, CONFIG_MILLISECONDS, "10s", 100, 600000),
    KEY(api.limits.request, http.limits.request_ms, CONFIG_MILLISECONDS, "15s", 100, 600000),
    KEY(api.limits.idle, http.limits.idle_ms, CONFIG_MILLISECONDS, "60s", 100, 3600000),
    KEY(api.limits.body, http.limits.body_max, CONFIG_OCTETS, "16KiB", 1024, 16u << 20),
    KEY(api.limits.registrations_per_minute, api.rates.registrations_per_minute, CONFIG_NUMBER, "60", 0, 1000000000,
        .reloadable = true),
    KEY(api.limits.registrations_per_second_total, api.rates.registrations_per_second_total, CONFIG_NUMBER, "200", 0,
        1000000000, .reloadable = true),
    KEY(api.limits.updates_per_minute, api.rates.updates_per_minute, CONFIG_NUMBER, "120", 0, 1000000000,
        .reloadable = true),
    KEY(api.limits.failures_per_minute, api.rates.failures_per_minute, CONFIG_NUMBER, "60", 0, 1000000000,
        .reloadable = true),
    KEY(api.limits.bcrypt_per_minute, api.rates.bcrypt_per_minute, CONFIG_NUMBER, "12", 0, 1000000000,
        .reloadable = true),
    KEY(api.limits.delegates, api.delegates_max, CONFIG_NUMBER, "100000000", 0, 1ull << 40, .reloadable = true),
    KEY(api.limits.edits, api.edits_max, CONFIG_NUMBER, "256", 1, 100000, .reloadable = true),
    KEY(api.limits.bcrypt_threads, api.key_upgrades.threads, CONFIG_NUMBER, "1", 1, 64),
    KEY(api.limits.bcrypt_queue, api.key_upgrades.queue_max, CONFIG_NUMBER, "64", 1, 100000),

    KEY(store.directory, store.directory, CONFIG_PATH, NULL, 1, 4000),
    KEY(store.reserve, store.reserve, CONFIG_OCTETS, "256MiB", 0, 1ull << 50),
    KEY(store.cache, store.block_cache, CONFIG_OCTETS, "64MiB", 1u << 20, 1ull << 40),
    KEY(store.log_directory, store.log_directory, CONFIG_PATH, NULL, 1, 4000),
    KEY(store.backup_directory, backup_directory, CONFIG_PATH, NULL, 1, 3900),
    KEY(store.queue, committer.queue_max, CONFIG_NUMBER, "4096", 1, 1000000),
    KEY(store.batch, committer.batch_max, CONFIG_NUMBER, "512", 1, 10000),
    KEY(store.history, store.history, CONFIG_NUMBER, "16", 0, STORE_HISTORY_MAX),

    KEY(process.state_directory, process.state_directory, CONFIG_PATH, "/var/lib/txtd", 1, 3900),
    KEY(process.user, process.user, CONFIG_STRING, NULL, 1, 255),
    KEY(process.group, process.group, CONFIG_STRING, NULL, 1, 255),
    KEY(process.seccomp, process.seccomp, CONFIG_BOOL, "true", 0, 1),
    KEY(process.control_socket, process.control_socket, CONFIG_PATH, NULL, 1, CONFIG_SOCKET_LEN_MAX),
    KEY(process.control_group, process.control_group, CONFIG_STRING, NULL, 1, 255),

    KEY(log.level, log.level, CONFIG_WORD, "info", 0, 0, .words = level_words, .reloadable = true),
    KEY(log.audit_file, audit_file, CONFIG_PATH, NULL, 1, 4095, .reloadable = true),
    KEY(log.format, log.format, CONFIG_WORD, "logfmt", 0, 0, .words = format_words, .reloadable = true),
};

/* What libcyaml filled stays until the configuration is freed: strings are borrowed from it. */
struct owned {
    struct config_memory *memory;
    struct config_raw *raw;
    struct config_document *document; /* for config_blame */
};

/* `path` without the slashes at its end. */
static size_t trimmed_len(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    return len;
}

/* RocksDB takes every file of its directory for its own. */
static int check_backup_directory(const struct config_reader *reader, const struct config *config)
{
    const char *store = config->store.directory, *backups = config->backup_directory;
    size_t len = trimmed_len(store);
    if (backups == NULL || strncmp(backups, store, len) != 0 || (backups[len] != '/' && backups[len] != '\0')) {
        return 0;
    }
    return config_refuse(reader, "store.backup_directory", "must not be store.directory, nor in it: %.200s", store);
}

/* Keys whose default follows from another key. */
static int fill_derived(const struct config_reader *reader, struct config *config)
{
    struct config_api *api = &config->api;
    const char *state = config->process.state_directory;
    if ((api->certificate == NULL) != (api->key == NULL)) {
        return config_refuse(reader, api->key == NULL ? "api.certificate" : "api.key", "api.%s is missing beside it",
                             api->key == NULL ? "key" : "certificate");
    }
    if (api->certificate == NULL) {
        if (config_document_has(reader->document, "api.self_signed") && !api->self_signed) {
            return config_refuse(reader, "api.self_signed", "without it api.certificate and api.key are needed");
        }
        api->self_signed = true;
        api->certificate = config_text(reader->memory, "%s/self-signed.pem", state);
        api->key = config_text(reader->memory, "%s/self-signed.key", state);
    }
    if (config->store.directory == NULL) {
        config->store.directory = config_text(reader->memory, "%s/store", state);
    }
    if (api->expire_unused_s != 0 && api->expire_unused_s < DAY_S) {
        return config_refuse(reader, "api.expire_unused", "must be 0 (never) or at least 1d");
    }
    if (api->expire_idle_s != 0 && api->expire_idle_s < 400 * DAY_S) {
        return config_refuse(reader, "api.expire_idle",
                             "must be 0 (never) or at least 400d, longer than a certificate lives");
    }
    if (api->certificate == NULL || api->key == NULL || config->store.directory == NULL) {
        return config_no_memory(reader);
    }
    int rc = check_backup_directory(reader, config);
    if (rc != 0) {
        return rc;
    }
    config->store.sync = true;
    /* The table keeps both within bounds. */
    memcpy(config->respond.identity, config->dns_identity, strlen(config->dns_identity) + 1);
    memcpy(config->respond.version, config->dns_version, strlen(config->dns_version) + 1);
    config->respond.tcp_keepalive_100ms = (uint16_t)(config->dns.tcp.idle_ms / 100);
    return 0;
}

static int read_all(const struct config_reader *reader, const struct config_raw *raw, struct config *config)
{
    int rc = config_keys_read(reader, keys, COUNT(keys), raw, config, "");
    if (rc == 0) {
        rc = config_read_zones(reader, raw, config);
    }
    if (rc == 0) {
        rc = fill_derived(reader, config);
    }
    if (rc == 0) {
        rc = config_read_acme(reader, raw, config);
    }
    if (rc == 0) {
        rc = config_read_listen(reader, raw, config);
    }
    if (rc == 0) {
        rc = config_read_xdp(reader, raw, config);
    }
    return rc == 0 ? config_read_secrets(reader, raw, config) : rc;
}

static int load(const char *file, struct config *config, struct error_detail *detail)
{
    struct owned *owned = config->memory;
    struct config_document **document = &owned->document;
    struct config_reader reader = {.file = file, .memory = owned->memory, .detail = detail};
    char *text;
    size_t len;
    config->file = config_text(owned->memory, "%s", file);
    if (config->file == NULL) {
        return config_no_memory(&reader);
    }
    int rc = config_read_file(owned->memory, file, CONFIG_FILE_LEN_MAX, &text, &len, detail);
    if (rc == 0) {
        rc = config_document_new(file, text, len, document, detail);
    }
    if (rc == 0) {
        rc = config_raw_load(file, text, len, *document, &owned->raw, detail);
    }
    if (rc == 0) {
        reader.document = *document;
        rc = read_all(&reader, owned->raw, config);
    }
    return rc;
}

int config_load(const char *file, struct config **config, struct error_detail *detail)
{
    struct config *made = calloc(1, sizeof *made);
    struct owned *owned = calloc(1, sizeof *owned);
    if (made == NULL || owned == NULL || (owned->memory = config_memory_new()) == NULL) {
        free(owned);
        free(made);
        return error_describe(detail, TXTD_ENOMEM, "%s: %s", file, txtd_error_text(TXTD_ENOMEM));
    }
    made->memory = owned;
    int rc = load(file, made, detail);
    if (rc != 0) {
        config_free(made);
        return rc;
    }
    *config = made;
    return 0;
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    struct owned *owned = config->memory;
    if (owned->raw != NULL) {
        config_raw_free(owned->raw);
    }
    config_document_free(owned->document);
    config_memory_free(owned->memory);
    free(owned);
    explicit_bzero(config->respond.cookie_secrets, sizeof config->respond.cookie_secrets);
    free(config);
}

int config_blame(const struct config *config, const char *key, int code, struct error_detail *detail)
{
    const struct owned *owned = config->memory;
    size_t key_len = strlen(key);
    if (code == 0 || detail == NULL) {
        return code;
    }
    const struct error_detail inner = *detail;
    bool named = strncmp(inner.text, key, key_len) == 0 && strchr(": ", inner.text[key_len]) != NULL;
    return error_describe(detail, code, "%s:%zu: %s%s%s", config->file, config_document_line(owned->document, key),
                          named ? "" : key, named ? "" : ": ", inner.text);
}

unsigned config_needs_restart(const struct config *running, const struct config *loaded,
                              const char *names[CONFIG_RESTART_KEYS_MAX])
{
    unsigned count = config_keys_differ(keys, COUNT(keys), running, loaded, names, CONFIG_RESTART_KEYS_MAX);
    return count + config_listen_differs(running, loaded, names + count, CONFIG_RESTART_KEYS_MAX - count);
}
