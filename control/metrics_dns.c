#include "control/metrics_dns.h"

#include <stddef.h>
#include <stdint.h>

#include "control/metrics_page.h"
#include "control/xdp_interfaces.h"
#include "dataplane/io/server.h"
#include "dataplane/io/xdp.h"
#include "dataplane/respond.h"

static const char *const transports[TRANSPORT_COUNT] = {"udp", "tcp", "xdp"};
static const char *const qtypes[RESPOND_QTYPE_COUNT] = {
    [RESPOND_QTYPE_OTHER] = "other", [RESPOND_QTYPE_TXT] = "TXT", [RESPOND_QTYPE_A] = "A",
    [RESPOND_QTYPE_AAAA] = "AAAA",   [RESPOND_QTYPE_CAA] = "CAA", [RESPOND_QTYPE_NS] = "NS",
    [RESPOND_QTYPE_SOA] = "SOA",     [RESPOND_QTYPE_DS] = "DS",   [RESPOND_QTYPE_DNSKEY] = "DNSKEY",
    [RESPOND_QTYPE_HTTPS] = "HTTPS", [RESPOND_QTYPE_ANY] = "ANY",
};
static const char *const drops[RESPOND_DROP_COUNT] = {
    [RESPOND_DROP_INVALID] = "invalid",
    [RESPOND_DROP_RATE_LIMIT] = "rate_limit",
    [RESPOND_DROP_OVERSIZED] = "oversized",
    [RESPOND_DROP_SEND] = "send",
};

/* What the workers of all transports have answered. */
static void write_answers(struct metrics_page *page, const struct respond_counters *sum)
{
    static const struct {
        unsigned code;
        const char *name;
    } rcodes[] = {{0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"},  {4, "NOTIMP"},
                  {5, "REFUSED"}, {9, "NOTAUTH"}, {16, "BADVERS"}, {23, "BADCOOKIE"}};
    metrics_family(page, "txtd_dns_queries_total", "counter", "Messages received, by transport.");
    for (unsigned i = 0; i < TRANSPORT_COUNT; i++) {
        metrics_labelled(page, "txtd_dns_queries_total", "transport", transports[i], sum->queries[i]);
    }
    metrics_family(page, "txtd_dns_queries_by_type_total", "counter", "Queries, by the type they ask for.");
    for (unsigned i = 0; i < RESPOND_QTYPE_COUNT; i++) {
        metrics_labelled(page, "txtd_dns_queries_by_type_total", "type", qtypes[i], sum->qtype[i]);
    }
    metrics_family(page, "txtd_dns_answers_total", "counter", "Answers sent, by RCODE.");
    for (unsigned i = 0; i < sizeof rcodes / sizeof rcodes[0]; i++) {
        metrics_labelled(page, "txtd_dns_answers_total", "rcode", rcodes[i].name, sum->rcode[rcodes[i].code]);
    }
    metrics_family(page, "txtd_dns_positive_answers_total", "counter",
                   "Answers with records, by where these are from.");
    metrics_labelled(page, "txtd_dns_positive_answers_total", "source", "delegate", sum->answers_txt);
    metrics_labelled(page, "txtd_dns_positive_answers_total", "source", "static", sum->answers_static);
    metrics_single(page, "txtd_dns_nodata_total", "counter", "Answers that the name has no such records.", sum->nodata);
    metrics_single(page, "txtd_dns_truncated_total", "counter", "Answers cut short (TC).", sum->truncated);
    metrics_family(
        page, "txtd_dns_dropped_total", "counter",
        "Messages not answered: no query (invalid), by rate limiting (rate_limit), longer than any query should be "
        "(oversized), or their answers were not taken by the kernel (send).");
    for (unsigned i = 0; i < RESPOND_DROP_COUNT; i++) {
        metrics_labelled(page, "txtd_dns_dropped_total", "reason", drops[i], sum->dropped[i]);
    }
    metrics_single(page, "txtd_dns_rate_limited_total", "counter", "Answers dropped or cut by rate limiting.",
                   sum->rate_limited);
    metrics_single(page, "txtd_dns_cookies_valid_total", "counter", "Queries with a valid server cookie.",
                   sum->cookies_valid);
}

/* How long answering takes, by the bursts that were sampled. */
static void write_latency(struct metrics_page *page, const struct respond_counters *sum)
{
    static const char name[] = "txtd_dns_latency_seconds";
    metrics_family(page, name, "histogram", "From the receipt of a query to the sending of its answer, of a sample.");
    for (unsigned transport = 0; transport < TRANSPORT_COUNT; transport++) {
        const char *label = transports[transport];
        uint64_t below = 0;
        for (unsigned i = 0; i < RESPOND_LATENCY_BUCKETS; i++) {
            below += sum->latency[transport][i];
            if (i + 1 < RESPOND_LATENCY_BUCKETS) {
                metrics_print(page, "%s_bucket{transport=\"%s\",le=\"%g\"} %llu\n", name, label,
                              (double)(1u << i) / 1e6, (unsigned long long)below);
            }
        }
        metrics_print(page, "%s_bucket{transport=\"%s\",le=\"+Inf\"} %llu\n", name, label, (unsigned long long)below);
        metrics_print(page, "%s_sum{transport=\"%s\"} %.9f\n", name, label, (double)sum->latency_ns[transport] / 1e9);
        metrics_print(page, "%s_count{transport=\"%s\"} %llu\n", name, label, (unsigned long long)below);
    }
}

static void write_tcp(struct metrics_page *page, const struct dns_tcp_counters *tcp)
{
    metrics_single(page, "txtd_dns_tcp_connections", "gauge", "Open TCP connections.", tcp->connections);
    metrics_single(page, "txtd_dns_tcp_accepted_total", "counter", "TCP connections accepted.", tcp->accepted);
    metrics_family(page, "txtd_dns_tcp_refused_total", "counter",
                   "TCP connections closed at once, by the limit reached.");
    metrics_labelled(page, "txtd_dns_tcp_refused_total", "limit", "total", tcp->refused_total);
    metrics_labelled(page, "txtd_dns_tcp_refused_total", "limit", "client", tcp->refused_per_client);
    metrics_family(page, "txtd_dns_tcp_closed_total", "counter", "TCP connections closed by the server, by reason.");
    metrics_labelled(page, "txtd_dns_tcp_closed_total", "reason", "idle", tcp->closed_idle);
    metrics_labelled(page, "txtd_dns_tcp_closed_total", "reason", "slow", tcp->closed_slow);
    metrics_labelled(page, "txtd_dns_tcp_closed_total", "reason", "memory", tcp->closed_memory);
    metrics_single(page, "txtd_dns_tcp_buffered_bytes", "gauge",
                   "Parts of queries, and answers not taken yet, in memory.", tcp->buffered);
}

/* --- XDP --- */

struct interface {
    const char *name;
    struct xdp_counters counters;
};

static void write_frames(struct metrics_page *page, const struct interface interfaces[], unsigned count)
{
    metrics_family(page, "txtd_xdp_frames", "gauge",
                   "Frames of AF_XDP sockets, by who has them. Together they are txtd_xdp_frames_all.");
    for (unsigned i = 0; i < count; i++) {
        const struct xdp_counters *counters = &interfaces[i].counters;
        const struct {
            const char *owner;
            uint64_t frames;
        } owners[] = {{"free", counters->frames_free},
                      {"fill", counters->frames_fill},
                      {"worker", counters->frames_worker},
                      {"send", counters->frames_send}};
        for (size_t j = 0; j < sizeof owners / sizeof owners[0]; j++) {
            metrics_print(page, "txtd_xdp_frames{interface=\"%s\",owner=\"%s\"} %llu\n", interfaces[i].name,
                          owners[j].owner, (unsigned long long)owners[j].frames);
        }
    }
}

static void write_drops(struct metrics_page *page, const struct interface interfaces[], unsigned count)
{
    metrics_family(
        page, "txtd_xdp_dropped_total", "counter",
        "Frames dropped: no query (invalid), no room to send (send), or none to receive into, or refused (kernel).");
    for (unsigned i = 0; i < count; i++) {
        const struct xdp_counters *counters = &interfaces[i].counters;
        const struct {
            const char *reason;
            uint64_t frames;
        } reasons[] = {
            {"invalid", counters->invalid}, {"send", counters->send_full}, {"kernel", counters->kernel_dropped}};
        for (size_t j = 0; j < sizeof reasons / sizeof reasons[0]; j++) {
            metrics_print(page, "txtd_xdp_dropped_total{interface=\"%s\",reason=\"%s\"} %llu\n", interfaces[i].name,
                          reasons[j].reason, (unsigned long long)reasons[j].frames);
        }
    }
}

static void write_interfaces(struct metrics_page *page, const struct interface interfaces[], unsigned count)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset; /* in struct xdp_counters */
    } families[] = {
        {"txtd_xdp_frames_all", "gauge", "Frames of AF_XDP sockets.", offsetof(struct xdp_counters, frames)},
        {"txtd_xdp_frames_misowned_total", "counter", "Frames that came from where they were not. Not 0: a fault.",
         offsetof(struct xdp_counters, frames_misowned)},
        {"txtd_xdp_received_total", "counter", "Frames received.", offsetof(struct xdp_counters, received)},
        {"txtd_xdp_sent_total", "counter", "Frames given to be sent.", offsetof(struct xdp_counters, sent)},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        metrics_family(page, families[i].name, families[i].type, families[i].help);
        for (unsigned j = 0; j < count; j++) {
            const char *counters = (const char *)&interfaces[j].counters;
            metrics_labelled(page, families[i].name, "interface", interfaces[j].name,
                             *(const uint64_t *)(const void *)(counters + families[i].offset));
        }
    }
    write_frames(page, interfaces, count);
    write_drops(page, interfaces, count);
}

static void add_counters(struct respond_counters *sum, const struct respond_counters *part)
{
    /* A struct of nothing but uint64_t. */
    const uint64_t *from = (const uint64_t *)part;
    uint64_t *to = (uint64_t *)sum;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += from[i];
    }
}

/* Reads every interface, and adds what it has answered to *sum. Returns how many there are. */
static unsigned read_interfaces(struct xdp_interfaces *xdp, struct interface interfaces[XDP_INTERFACES_MAX],
                                struct respond_counters *sum)
{
    unsigned count = xdp == NULL ? 0 : xdp_interfaces_count(xdp);
    for (unsigned i = 0; i < count; i++) {
        struct respond_counters part;
        interfaces[i].name = xdp_interfaces_name(xdp, i);
        xdp_interfaces_counters(xdp, i, &part, &interfaces[i].counters);
        add_counters(sum, &part);
    }
    return count;
}

/* --- All --- */

void metrics_write_dns(struct metrics_page *page, const struct dns_server *dns, struct xdp_interfaces *xdp)
{
    struct interface interfaces[XDP_INTERFACES_MAX];
    struct respond_counters sum;
    struct dns_tcp_counters tcp;
    dns_server_counters(dns, &sum, &tcp);
    unsigned count = read_interfaces(xdp, interfaces, &sum);
    write_answers(page, &sum);
    write_latency(page, &sum);
    write_tcp(page, &tcp);
    if (count > 0) {
        write_interfaces(page, interfaces, count);
    }
}
