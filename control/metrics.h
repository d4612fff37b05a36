/* metrics.h: what the process counts, in Prometheus' text format (exposition format 0.0.4).
 *
 * Served on the internal listener only.
 */
#ifndef TXTD_CONTROL_METRICS_H
#define TXTD_CONTROL_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct audit;
struct backup_job;
struct committer;
struct delegate_table;
struct dns_server;
struct health;
struct http_server;
struct expirer;
struct key_upgrades;
struct usage_collector;
struct log_writer;
struct publisher;
struct service;
struct store;
struct tls_context;
struct xdp_interfaces;

/* What the main thread counts. Relaxed atomics. */
struct metrics_loads {
    uint64_t reloads, reloads_failed; /* of the configuration, by SIGHUP */
    uint64_t certificates, certificates_failed;
};

/* Where the numbers come from; all borrowed. What is NULL is left out. */
struct metrics_sources {
    const struct dns_server *dns;
    struct xdp_interfaces *xdp; /* goes with dns */
    const struct delegate_table *table;
    const struct http_server *http;
    const struct committer *committer;
    const struct store *store;
    struct service *service;
    const struct key_upgrades *key_upgrades;
    const struct usage_collector *usage;
    const struct expirer *expirer;
    struct backup_job *backup;
    const struct health *health;
    const struct tls_context *tls;
    const struct publisher *publisher;
    const struct audit *audit;
    struct log_writer *log_writer;
    const struct metrics_loads *loads;
    int64_t started_s; /* wall clock; 0: unknown */
};

#define METRICS_LEN_MAX 65536 /* octets that all of it takes at most */

/* Writes the text, NUL-terminated. Returns its length, or TXTD_ETRUNCATED. Any thread but a DNS worker; never blocks. */
int metrics_write(const struct metrics_sources *sources, char *text, size_t capacity);

#endif
