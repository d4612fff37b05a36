/* respond.h: one function answers a burst of queries, whatever brought them in.
 *
 * respond_burst is called by every transport, by the tests, the fuzzers and the benchmarks. It parses all queries, hashes
 * and prefetches all, looks up all, builds all. It takes no lock, makes no system call and allocates nothing. An answer is
 * built in the place of its query: the question stays where it is.
 */
#ifndef TXTD_DATAPLANE_RESPOND_H
#define TXTD_DATAPLANE_RESPOND_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"

struct delegate_table;
struct rrl;
struct sockaddr;
struct zone_set;

#define RESPOND_BURST_MAX       32
#define RESPOND_UDP_PAYLOAD_MAX 1232 /* octets; what we send and advertise over UDP (RFC 9715 section 3.1) */

#define RESPOND_LATENCY_BUCKETS 16 /* 1 us to 16 ms, and more */

enum transport {
    TRANSPORT_UDP = 0,
    TRANSPORT_TCP = 1, /* no truncation, no rate limit */
    TRANSPORT_XDP = 2, /* answers as UDP does */
    TRANSPORT_COUNT = 3,
};

/* The types that queries are counted by. */
enum respond_qtype {
    RESPOND_QTYPE_OTHER, /* any other, or none that could be read */
    RESPOND_QTYPE_TXT,
    RESPOND_QTYPE_A,
    RESPOND_QTYPE_AAAA,
    RESPOND_QTYPE_CAA,
    RESPOND_QTYPE_NS,
    RESPOND_QTYPE_SOA,
    RESPOND_QTYPE_DS,
    RESPOND_QTYPE_DNSKEY,
    RESPOND_QTYPE_HTTPS,
    RESPOND_QTYPE_ANY,
    RESPOND_QTYPE_COUNT,
};

/* Why a message got no answer. */
enum respond_drop {
    RESPOND_DROP_INVALID,    /* no query: QR=1, or shorter than a header */
    RESPOND_DROP_RATE_LIMIT, /* and no slip */
    RESPOND_DROP_OVERSIZED,  /* longer than the transport's buffer */
    RESPOND_DROP_SEND,       /* UDP: the kernel did not take the answer, which is counted as one, too */
    RESPOND_DROP_COUNT,
};

/* One message. Query in, answer out, in place. */
struct packet {
    uint8_t *wire;                 /* the transport's buffer */
    uint16_t len;                  /* octets of the query; on return octets of the answer, 0: send nothing */
    uint16_t capacity;             /* octets that may be written at wire; >= 1232 for UDP, 65535 for TCP */
    uint8_t transport;             /* enum transport */
    bool cut;                      /* the transport could not receive all of it, and `len` is 0 */
    const struct sockaddr *client; /* AF_INET or AF_INET6; read only, valid during the call */
};

/* The worker's clocks, read once a burst. */
struct respond_clock {
    int64_t wall_s;   /* seconds since 1970 */
    uint64_t mono_ms; /* milliseconds, never going back */
};

/* Counters of one worker: written by it alone, read by anyone (relaxed). */
struct respond_counters {
    uint64_t queries[TRANSPORT_COUNT];   /* messages received */
    uint64_t qtype[RESPOND_QTYPE_COUNT]; /* those of opcode QUERY */
    uint64_t
        dropped[RESPOND_DROP_COUNT]; /* not answered; io/udp.c counts RESPOND_DROP_SEND. AF_XDP's are in xdp_counters */
    uint64_t rcode[24];              /* answers by extended RCODE; 23 = BADCOOKIE */
    uint64_t answers_txt;            /* positive answers from a delegate */
    uint64_t answers_static;         /* positive answers from static records */
    uint64_t nodata;
    uint64_t truncated;
    uint64_t rate_limited; /* slipped or dropped */
    uint64_t cookies_valid;
    /* What the transports sample (io/latency.h): queries by how long they took, at most 2^i microseconds; and the sum. */
    uint64_t latency[TRANSPORT_COUNT][RESPOND_LATENCY_BUCKETS];
    uint64_t latency_ns[TRANSPORT_COUNT];
};

/* What the operator sets and may reload; copied by responder_publish_settings. */
#define RESPOND_COOKIE_SECRETS_MAX 2
struct respond_settings {
    char identity[128]; /* CHAOS id.server and hostname.bind, and NSID; empty: off (REFUSED) */
    char version[128];  /* CHAOS version.bind; empty: off */
    uint8_t cookie_secrets[RESPOND_COOKIE_SECRETS_MAX][16]; /* RFC 9018; [0] makes new cookies, all are accepted */
    unsigned cookie_secrets_count;                          /* 0: cookies off */
    uint16_t tcp_keepalive_100ms; /* edns-tcp-keepalive (RFC 7828), in units of 100 ms; 0: never sent */
};

struct usage_ring;
struct usage_rings;

/* What all workers share: the table, the zones (RCU), the settings (RCU). */
struct responder;

/* Makes a responder over `table` (borrowed). It serves nothing (REFUSED) until zones are published.
 * Returns NULL when out of memory. Start-up thread. */
struct responder *responder_new(const struct delegate_table *table);

/* Frees it with its zones and settings; no worker may be left. */
void responder_free(struct responder *responder);

/* Swaps in a new snapshot, takes ownership of it, waits for a grace period and frees the old one. One control thread at a
 * time; not an on-line QSBR reader. */
void responder_publish_zones(struct responder *responder, struct zone_set *zones);

/* The same for the settings, which are copied. Returns 0 or TXTD_ENOMEM. */
int responder_publish_settings(struct responder *responder, const struct respond_settings *settings);

/* What one worker thread owns. */
struct respond_worker {
    struct respond_counters counters;
    struct rrl *rrl;          /* owned by whoever made the worker; NULL: no rate limiting */
    struct usage_ring *usage; /* the responder's, by responder_add_worker; NULL: nothing is noted */
    unsigned bursts;          /* for io/latency.h */
} __attribute__((aligned(64)));

/* Gives a worker, all zero so far, what the responder has for it: where it notes the delegates asked for. Before it runs; one
 * thread at a time. */
void responder_add_worker(const struct responder *responder, struct respond_worker *worker);

/* What the workers note there; the responder's own (usage.h). */
struct usage_rings *responder_usage(const struct responder *responder);

/* Answers up to RESPOND_BURST_MAX packets, all of one transport, in place. The calling thread is a registered QSBR reader, on
 * line; the caller declares a quiescent state afterwards, once the answers have been sent. */
void respond_burst(const struct responder *responder, struct respond_worker *worker, const struct respond_clock *now,
                   struct packet packets[], unsigned count);

#endif
