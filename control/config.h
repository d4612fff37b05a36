/* config.h: what the operator configures, read from one YAML file, with every default filled in and every value checked.
 *
 * Loading has three steps, each in a file of its own: config_schema.c says which keys exist and of what kind (libcyaml),
 * config_document.c finds the line of a key for the errors (libyaml), and config.c (with config_zones.c) fills in
 * defaults and checks. What comes out is not text any more: addresses, milliseconds, octets, and the settings structs of
 * the parts that txtd is composed of, ready to be handed over.
 *
 * deploy/txtd.example.yaml explains every key; tests/unit/control/test_config.c checks that it holds every key with its
 * default. The keys, by the member below that each one fills:
 *
 *   zones:                        list; the only thing that has no default
 *     - name                      the apex
 *       nameservers               list of {name, addresses: []}; addresses only for names inside the zone
 *       hostmaster                hostmaster.<name>
 *       ttl                       1h     of SOA, NS and address records
 *       negative_ttl              1s     SOA minimum: how long resolvers may keep a negative answer
 *       value_ttl                 1s     TTL of delegates' TXT values
 *       value_expiry              30d    values are served for so long after the last update; 0: until replaced
 *       slots                     2      values served at once, 2..16
 *       zone_file                 none   presentation format
 *       records                   []     single lines in presentation format
 *       delegate_caa              true   CAA 0 issue ";" at every delegate
 *       delegate_mail_hardening   false  null MX, SPF and DMARC reject records
 *   dns:
 *     listen                      ["0.0.0.0:53", "[::]:53"]
 *     workers                     0      UDP workers; 0: one per CPU
 *     pin                         true   worker n to the n-th allowed CPU
 *     gather                      100    microseconds that a busy worker may let queries gather, where that is cheaper; 0: none
 *     udp_receive_buffer          1MiB   SO_RCVBUF, about 2,700 small messages; 0: the system's
 *     identity, version           ""     CHAOS id.server and hostname.bind and NSID; version.bind; empty: refused
 *     cookies                     true   DNS cookies; with neither secret below a random one for this process
 *     cookie_secrets              []     one or two of 32 hexadecimal digits; the first makes new cookies
 *     cookie_secret_file          none   the same, one a line; instead of cookie_secrets
 *     xdp                         []     list of interfaces that are served by AF_XDP beside the kernel's sockets:
 *       - interface                      its name
 *         mode                    auto   auto, native or generic
 *         copy                    false  never zero copy
 *         busy_poll               0      microseconds of busy polling; 0: none
 *     rrl: enabled true, positive_per_second 5000, other_per_second 200, slip 2, table_entries 524288
 *     tcp: connections 10000, connections_per_client 200, idle 10s, send 5s, queries_per_connection 0, output 256KiB
 *   api:
 *     listen                      ["0.0.0.0:443", "[::]:443"]   HTTPS; none if only listen_proxy_protocol is given
 *     listen_proxy_protocol       []     HTTPS behind a PROXY protocol header
 *     internal_listen             []     plain HTTP: /metrics, /livez, /readyz
 *     certificate, key            none   PEM files; with neither, as if self_signed
 *     self_signed                 false  make both at the first start, in process.state_directory if they are not named
 *     public_url                  https://<first zone>[:port]
 *     cors_origins                []     "https://..." or "*"
 *     trusted_proxies             []     CIDRs
 *     http2                       false
 *     threads                     2
 *     nice                        10     of the API's threads
 *     drain                       5s     how long SIGTERM lets running requests finish
 *     registration                open   open, off or token
 *     registration_tokens_file    none   one token a line; needed for token
 *     operator_tokens_file        none   one token a line; without it there are no operator calls
 *     expire_unused               90d    deletes delegates that were never used; 0: never, else 1d or more
 *     expire_idle                 0      and those that were not used for so long; 0: never, else 400d or more
 *     acme_name                   none   the API's host name, for a certificate of its own through txtd
 *     limits: connections 4096, connections_per_client 64, handshake 10s, request 15s, idle 60s, body 16KiB,
 *             registrations_per_minute 60 (per client), registrations_per_second_total 200,
 *             updates_per_minute 120 (per account), failures_per_minute 60 (per client),
 *             bcrypt_per_minute 12 (per account); a limit of 0 is no limit;
 *             bcrypt_threads 1, bcrypt_queue 64: for keys imported from acme-dns;
 *             delegates 100000000: all that there may be, 0: no limit; edits 256: changes of the native API under way at once
 *   store:
 *     directory                   <process.state_directory>/store
 *     reserve                     256MiB free space below which changes are refused
 *     cache                       64MiB  block cache
 *     log_directory               none   RocksDB's own LOG
 *     backup_directory            none   where a running txtd may make backups
 *     queue                       4096   changes that wait for the committer
 *     batch                       512    changes of one commit
 *     history                     16     last changes kept of each delegate, 0..64
 *   process:
 *     state_directory             /var/lib/txtd
 *     user, group                 none   to become once the sockets are bound; capabilities are dropped in any case
 *     seccomp                     true
 *     control_socket              none   path of the local control socket
 *     control_group               none   group that may use it
 *   log:
 *     level                       info   error, warning, info or debug
 *     format                      logfmt logfmt or json
 *     audit_file                  none   every change as a line of JSON
 *
 * Addresses: `127.0.0.1:5353`, `127.0.0.1@5353`, `[::1]:5353`, `::1@5353`, or without a port (`0.0.0.0`, `::`, `[::]`), which
 * then is 53 for DNS, 443 for the API and 80 for api.internal_listen; port 0 takes a free one. Durations: a number and ms, s, m, h, d or w, a bare
 * number being seconds. Sizes: a number and B, KiB, MiB, GiB or TiB, a bare number being octets. Directories, the control socket
 * and the audit file are absolute paths.
 */
#ifndef TXTD_CONTROL_CONFIG_H
#define TXTD_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/http_server.h"
#include "control/key_upgrade.h"
#include "control/log.h"
#include "control/xdp_interfaces.h"
#include "control/zone_loader.h"
#include "dataplane/error.h"
#include "dataplane/io/server.h"
#include "dataplane/io/xdp.h"
#include "dataplane/respond.h"
#include "storage/committer.h"
#include "storage/store.h"

#define CONFIG_ZONES_MAX        256
#define CONFIG_CORS_ORIGINS_MAX 64
#define CONFIG_FILE_LEN_MAX     (4u << 20) /* octets of a configuration file */
#define CONFIG_TOKENS_MAX       10000
#define CONFIG_SOCKET_LEN_MAX   107 /* what a sun_path holds beside its NUL */

/* The delegate of each zone that is txtd's own: registration gives out version 4 UUIDs only, and this is none (version 8). */
#define CONFIG_RESERVED_DELEGATE "00000000-0000-8000-8000-000000000001"

/* http_listener.site: which set of paths a listener serves. */
enum config_site { CONFIG_SITE_PUBLIC = 0, CONFIG_SITE_INTERNAL = 1 };

enum config_registration { CONFIG_REGISTRATION_OPEN, CONFIG_REGISTRATION_OFF, CONFIG_REGISTRATION_TOKEN };

struct config_zone {
    const char *name;          /* apex, lower case, no final dot */
    struct zone_source source; /* static records; options.number is the store's business and 0 here */
    unsigned slots;            /* 2..DELEGATE_VALUES_MAX */
    int64_t value_expiry_s;    /* 0: never */
};

/* An interface that is served by AF_XDP. */
struct config_xdp {
    const char *interface; /* at most IF_NAMESIZE - 1 characters, none of which needs quoting anywhere */
    enum xdp_mode mode;
    bool copy;             /* never zero copy */
    unsigned busy_poll_us; /* 0: off */
};

/* A limit of 0 is no limit. */
struct config_rates {
    unsigned registrations_per_minute;       /* per client: IPv4 /32, IPv6 /64; wider prefixes get multiples */
    unsigned registrations_per_second_total; /* of all clients */
    unsigned updates_per_minute;             /* per account */
    unsigned failures_per_minute;            /* wrong credentials, per client */
    unsigned bcrypt_per_minute;              /* keys compared with an imported hash, per account */
};

struct config_api {
    const char *certificate; /* PEM files; with self_signed in the state directory, not necessarily there yet */
    const char *key;
    bool self_signed;
    const char *public_url; /* without a final slash */
    const char *const *cors_origins;
    unsigned cors_origins_count;
    enum config_registration registration;
    const char *const *registration_tokens; /* as read from registration_tokens_file: a secret */
    unsigned registration_tokens_count;
    const char *const *operator_tokens; /* likewise */
    unsigned operator_tokens_count;
    const char *registration_tokens_file, *operator_tokens_file; /* where they were read from; NULL: nowhere */
    struct config_rates rates;
    uint64_t delegates_max; /* 0: no limit */
    unsigned edits_max;     /* changes of the native API under way at once */
    struct key_upgrade_settings key_upgrades;
    unsigned drain_ms;
    int64_t expire_unused_s, expire_idle_s; /* 0: never */
    const char *acme_name;                  /* host name of the API's own certificate, lower case; NULL: none */
    unsigned acme_zone;                     /* index of the zone whose reserved delegate holds its challenges */
    const char *acme_target;                /* and that delegate's name; never NULL */
    bool acme_served;                       /* acme_name lies in acme_zone, which then has the CNAME */
};

struct config_process {
    const char *state_directory;
    const char *user;  /* name or number; NULL: stay who we are */
    const char *group; /* likewise; NULL: the user's */
    bool seccomp;
    const char *control_socket; /* path; NULL: none */
    const char *control_group;  /* name or number of those who may use it beside root and ourselves; NULL: nobody */
};

/* The whole configuration. Everything in it belongs to it. */
struct config {
    const char *file; /* where it was read from */
    struct config_zone *zones;
    unsigned zones_count;
    struct dns_server_settings dns;
    struct config_xdp xdp[XDP_INTERFACES_MAX];
    unsigned xdp_count;
    const char *dns_identity, *dns_version; /* as `respond` has them */
    bool cookies;
    const char *cookie_secret_file; /* NULL: none */
    bool cookie_secrets_inline;     /* they stand in the configuration's own file */
    bool cookie_secrets_random;     /* no secret is configured: `respond` has one made by config_load */
    struct respond_settings respond;
    struct http_server_settings http; /* all but `tls` */
    struct config_api api;
    struct store_options store;
    const char *backup_directory; /* NULL: none */
    struct committer_settings committer;
    struct config_process process;
    struct log_settings log;
    const char *audit_file; /* NULL: none */
    void *memory;           /* config.c's own: what the pointers above point into */
};

/* Reads and checks `file`. Files that it names for DNS cookies and registration tokens are read too; zone files,
 * certificates and directories are not looked at. Any one thread.
 * Returns 0; TXTD_EINVAL, TXTD_ENOTFOUND, TXTD_ESYS or TXTD_ENOMEM with a `detail` such as
 * "/etc/txtd/txtd.yaml:12: dns.listen[1]: ...". The caller frees *config with config_free. */
int config_load(const char *file, struct config **config, struct error_detail *detail);
void config_free(struct config *config);

/* Says in which line of which key the blame for an error lies: puts "<file>:<line>: <key>: " before `detail`, less the key where
 * that stands there already. `key` is a path such as "api.certificate" or "zones[0].zone_file"; the line is that of the part of it
 * that the file has. Returns `code`; does nothing if that is 0. Any one thread. */
int config_blame(const struct config *config, const char *key, int code, struct error_detail *detail);

/* Lists the keys that differ between the two and that only a restart can change (addresses, threads, limits, the store, the
 * process ...); writes at most CONFIG_RESTART_KEYS_MAX of them to `names` and returns how many. What SIGHUP can change: zones,
 * identity, version, cookies, the contents of the certificate, registration, CORS, the public URL, rates, the log. Pure. */
#define CONFIG_RESTART_KEYS_MAX 64
unsigned config_needs_restart(const struct config *running, const struct config *loaded,
                              const char *names[CONFIG_RESTART_KEYS_MAX]);

#endif
