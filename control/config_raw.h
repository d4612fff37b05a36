/* config_raw.h: the configuration as it stands in the file: every scalar a string, NULL where the key is absent.
 *
 * Only the config_*.c files include this. Values are strings on purpose: libcyaml takes any word for `true` and cannot
 * state a range, so numbers and words are read by config_keys.c, which can say what is wrong with them.
 */
#ifndef TXTD_CONTROL_CONFIG_RAW_H
#define TXTD_CONTROL_CONFIG_RAW_H

#include <cyaml/cyaml.h>
#include <stddef.h>

#include "control/config_document.h"
#include "dataplane/error.h"

struct config_raw_nameserver {
    char *name;
    const char **addresses;
    unsigned addresses_count;
};

struct config_raw_zone {
    char *name;
    struct config_raw_nameserver *nameservers;
    unsigned nameservers_count;
    char *hostmaster, *ttl, *negative_ttl, *value_ttl, *value_expiry, *slots, *zone_file;
    const char **records;
    unsigned records_count;
    char *delegate_caa, *delegate_mail_hardening;
};

struct config_raw_xdp {
    char *interface, *mode, *copy, *busy_poll;
};

struct config_raw_rrl {
    char *enabled, *positive_per_second, *other_per_second, *slip, *table_entries;
};

struct config_raw_tcp {
    char *connections, *connections_per_client, *idle, *send, *queries_per_connection, *output, *memory;
};

struct config_raw_dns {
    const char **listen;
    unsigned listen_count;
    char *workers, *pin, *gather, *udp_receive_buffer, *identity, *version, *cookies;
    const char **cookie_secrets;
    unsigned cookie_secrets_count;
    char *cookie_secret_file;
    struct config_raw_xdp *xdp;
    unsigned xdp_count;
    struct config_raw_rrl rrl;
    struct config_raw_tcp tcp;
};

struct config_raw_limits {
    char *connections, *connections_per_client, *handshake, *request, *idle, *body;
    char *registrations_per_minute, *registrations_per_second_total, *updates_per_minute, *failures_per_minute;
    char *bcrypt_per_minute, *bcrypt_threads, *bcrypt_queue, *delegates, *edits;
};

struct config_raw_api {
    const char **listen;
    unsigned listen_count;
    const char **listen_proxy_protocol;
    unsigned listen_proxy_protocol_count;
    const char **internal_listen;
    unsigned internal_listen_count;
    char *certificate, *key, *self_signed, *public_url;
    const char **cors_origins;
    unsigned cors_origins_count;
    const char **trusted_proxies;
    unsigned trusted_proxies_count;
    char *http2, *threads, *nice, *drain, *registration, *registration_tokens_file, *operator_tokens_file, *acme_name,
        *expire_unused, *expire_idle;
    struct config_raw_limits limits;
};

struct config_raw_store {
    char *directory, *reserve, *cache, *log_directory, *queue, *batch, *history, *backup_directory;
};

struct config_raw_process {
    char *state_directory, *user, *group, *seccomp, *control_socket, *control_group;
};

struct config_raw_log {
    char *level, *format, *audit_file;
};

struct config_raw {
    struct config_raw_zone *zones;
    unsigned zones_count;
    struct config_raw_dns dns;
    struct config_raw_api api;
    struct config_raw_store store;
    struct config_raw_process process;
    struct config_raw_log log;
};

/* Every key there is, as libcyaml's schema of the file's mapping; ends with a NULL key. */
extern const cyaml_schema_field_t config_schema_fields[];

/* Reads `text` by the schema. `document` is the same text, for the lines of errors. Returns 0, TXTD_EINVAL with a `detail`
 * "<file>:<line>: <key>: ...", or TXTD_ENOMEM. The caller gives *raw back to config_raw_free. */
int config_raw_load(const char *file, const char *text, size_t len, const struct config_document *document,
                    struct config_raw **raw, struct error_detail *detail);
void config_raw_free(struct config_raw *raw);

#endif
