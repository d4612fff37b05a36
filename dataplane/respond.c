#include "dataplane/respond.h"

#include <netinet/in.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/dns/cookie.h"
#include "dataplane/guard/rrl.h"
#include "dataplane/respond_chaos.h"
#include "dataplane/respond_name.h"
#include "dataplane/respond_question.h"
#include "dataplane/responder.h"
#include "dataplane/usage.h"

_Static_assert(RESPOND_UDP_PAYLOAD_MAX == DNS_UDP_PAYLOAD_MAX, "one limit under two names");

/* One query between the stages of a burst. */
struct task {
    struct query query;
    const struct zone *zone;              /* of the delegate that the qname's form tells of, or NULL; then also: */
    const struct delegate_lookup *lookup; /* among those of the burst */
};

/* What a burst is answered from; the same for all its queries. */
struct burst {
    const struct respond_settings *settings;
    struct respond_worker *worker;
    const struct respond_clock *now;
    struct name_context names;
};

/* Single writer: a relaxed store is all that a reader elsewhere needs. */
static void count_many(uint64_t *counter, unsigned more)
{
#ifdef TXTD_NO_COUNTERS /* bench/bench_counting.c: what counting costs */
    (void)counter;
    (void)more;
#else
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
#endif
}

static void count(uint64_t *counter)
{
    count_many(counter, 1);
}

static enum respond_qtype find_qtype(uint16_t qtype)
{
    switch (qtype) {
    case DNS_TYPE_A: return RESPOND_QTYPE_A;
    case DNS_TYPE_AAAA: return RESPOND_QTYPE_AAAA;
    case DNS_TYPE_CAA: return RESPOND_QTYPE_CAA;
    case DNS_TYPE_NS: return RESPOND_QTYPE_NS;
    case DNS_TYPE_SOA: return RESPOND_QTYPE_SOA;
    case DNS_TYPE_DS: return RESPOND_QTYPE_DS;
    case DNS_TYPE_DNSKEY: return RESPOND_QTYPE_DNSKEY;
    case DNS_TYPE_HTTPS: return RESPOND_QTYPE_HTTPS;
    case DNS_TYPE_ANY: return RESPOND_QTYPE_ANY;
    default: return RESPOND_QTYPE_OTHER;
    }
}

/* Out of line, for almost all queries are for TXT. */
static __attribute__((noinline, cold)) void count_qtype(struct respond_counters *counters, uint16_t qtype)
{
    count(&counters->qtype[find_qtype(qtype)]);
}

/* --- Cookies and the rest of the OPT record --- */

static size_t client_address(const struct sockaddr *client, const uint8_t **address)
{
    if (client->sa_family == AF_INET) {
        *address = (const uint8_t *)&((const struct sockaddr_in *)(const void *)client)->sin_addr;
        return 4;
    }
    *address = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)client)->sin6_addr;
    return 16;
}

static enum cookie_verdict check_cookie(const struct burst *burst, const struct query_edns *edns,
                                        const uint8_t *address, size_t address_len)
{
    const struct respond_settings *settings = burst->settings;
    for (unsigned i = 0; i < settings->cookie_secrets_count; i++) {
        enum cookie_verdict verdict = cookie_check(edns->cookie, edns->cookie_len, address, address_len,
                                                   (uint32_t)burst->now->wall_s, settings->cookie_secrets[i]);
        if (verdict != COOKIE_INVALID) {
            /* One that an old secret made is renewed: the rotation ends (RFC 9018 section 5). */
            return i > 0 ? COOKIE_VALID_RENEW : verdict;
        }
    }
    return COOKIE_INVALID;
}

/* Fills in the answer's cookie. Returns whether the client proved its address. */
static bool answer_cookie(const struct burst *burst, const struct query_edns *asked, const struct sockaddr *client,
                          struct answer_edns *edns)
{
    if (asked->cookie_len == 0 || burst->settings->cookie_secrets_count == 0) {
        return false;
    }
    const uint8_t *address;
    size_t address_len = client_address(client, &address);
    enum cookie_verdict verdict = check_cookie(burst, asked, address, address_len);
    edns->cookie_len = COOKIE_LEN;
    if (verdict == COOKIE_VALID) {
        memcpy(edns->cookie, asked->cookie, COOKIE_LEN);
    } else {
        cookie_make(asked->cookie, address, address_len, (uint32_t)burst->now->wall_s,
                    burst->settings->cookie_secrets[0], edns->cookie);
    }
    if (verdict != COOKIE_INVALID) {
        count(&burst->worker->counters.cookies_valid);
    }
    return verdict != COOKIE_INVALID;
}

/* Returns whether the client proved its address. */
static bool decide_edns(const struct burst *burst, const struct query *query, const struct packet *packet,
                        struct answer_edns *edns)
{
    const struct query_edns *asked = &query->edns;
    edns->present = asked->present;
    edns->do_bit = asked->do_bit;
    edns->cookie_len = 0;
    edns->nsid = NULL;
    edns->keepalive_100ms = 0;
    edns->extended_error = DNS_EDE_NONE;
    if (!asked->present) {
        return false;
    }
    if (asked->wants_nsid && burst->settings->identity[0] != '\0') {
        edns->nsid = burst->settings->identity;
        edns->nsid_len = strlen(burst->settings->identity);
    }
    if (asked->wants_keepalive && packet->transport == TRANSPORT_TCP) {
        edns->keepalive_100ms = burst->settings->tcp_keepalive_100ms; /* RFC 7828 section 3.3.2 */
    }
    return answer_cookie(burst, asked, packet->client, edns);
}

static size_t size_limit(const struct packet *packet, const struct query *query)
{
    size_t limit = packet->capacity;
    if (packet->transport != TRANSPORT_TCP) {
        size_t allowed = DNS_UDP_DEFAULT;
        if (query->edns.present && query->edns.payload_max > DNS_UDP_DEFAULT) { /* RFC 6891 section 6.2.5 */
            allowed = query->edns.payload_max < DNS_UDP_PAYLOAD_MAX ? query->edns.payload_max : DNS_UDP_PAYLOAD_MAX;
        }
        limit = limit < allowed ? limit : allowed;
    }
    return limit;
}

/* --- Deciding --- */

static void count_outcome(struct respond_counters *counters, enum name_outcome outcome)
{
    switch (outcome) {
    case NAME_POSITIVE_DELEGATE: count(&counters->answers_txt); break;
    case NAME_POSITIVE_STATIC: count(&counters->answers_static); break;
    case NAME_NODATA: count(&counters->nodata); break;
    case NAME_NXDOMAIN:
    case NAME_TRUNCATED: break;
    }
}

/* Class IN, one of our zones. */
static enum rrl_kind answer_names(const struct burst *burst, const struct task *task, const struct zone *zone,
                                  struct answer *answer)
{
    enum name_outcome outcome;
    if (task->zone == NULL) {
        outcome = name_answer(answer, &burst->names, zone);
    } else if (task->lookup->entry != NULL) {
        outcome = name_answer_delegate(answer, &burst->names, zone, task->lookup->entry);
#ifndef TXTD_NO_COUNTERS
        usage_ring_note(burst->worker->usage, task->lookup->zone, &task->lookup->id);
#endif
    } else {
        outcome = name_answer_no_delegate(answer, zone); /* no static name has a delegate's form */
    }
    count_outcome(&burst->worker->counters, outcome);
    return outcome == NAME_POSITIVE_DELEGATE ? RRL_POSITIVE : RRL_OTHER;
}

/* Why a question gets no data, before anything is written. */
static const struct zone *admit_question(const struct burst *burst, struct packet *packet, const struct task *task,
                                         uint16_t *rcode, struct answer_edns *edns)
{
    const struct query *query = &task->query;
    *rcode = DNS_RCODE_REFUSED;
    if (query->qclass != DNS_CLASS_IN || query->qtype == DNS_TYPE_AXFR || query->qtype == DNS_TYPE_IXFR) {
        return NULL;
    }
    const struct zone *zone = task->zone;
    if (zone == NULL && burst->names.zones != NULL) {
        zone =
            zone_set_find_zone(burst->names.zones, (struct wire_name){packet->wire + DNS_QNAME_OFFSET, query->labels});
    }
    if (zone == NULL) {
        edns->extended_error = DNS_EDE_NOT_AUTHORITATIVE; /* RFC 8914 section 4.21 */
        return NULL;
    }
    *rcode = DNS_RCODE_NOERROR;
    return zone;
}

static enum rrl_kind answer_question(const struct burst *burst, struct packet *packet, struct task *task,
                                     struct answer *answer)
{
    const struct query *query = &task->query;
    uint16_t rcode;
    const struct zone *zone = admit_question(burst, packet, task, &rcode, &answer->edns);
    answer_begin(answer, packet->wire, size_limit(packet, query), query);
    if (zone != NULL) {
        return answer_names(burst, task, zone, answer);
    }
    answer->rcode = rcode;
    if (query->qclass == DNS_CLASS_CH) {
        chaos_answer(answer, burst->settings);
    }
    return RRL_OTHER;
}

/* QTYPE 128 means nothing in a query (RFC 9824 section 3.4). */
static enum query_form form_of(const struct query *query)
{
    return query->form == QUERY_ANSWER && query->qtype == DNS_TYPE_NXNAME ? QUERY_FORMERR : query->form;
}

static enum rrl_kind build(const struct burst *burst, struct packet *packet, struct task *task, bool proven,
                           struct answer *answer)
{
    struct query *query = &task->query;
    enum query_form form = form_of(query);
    if (form == QUERY_ANSWER) {
        return answer_question(burst, packet, task, answer);
    }
    if (form == QUERY_FORMERR) {
        if (query->form == QUERY_ANSWER) {
            answer->edns.extended_error = DNS_EDE_INVALID_QUERY_TYPE;
        }
        query->question_end = DNS_HEADER_LEN; /* the question is not echoed */
    }
    answer_begin(answer, packet->wire, size_limit(packet, query), query);
    switch (form) {
    case QUERY_NOTAUTH: answer->rcode = DNS_RCODE_NOTAUTH; break;
    case QUERY_BADVERS: answer->rcode = DNS_RCODE_BADVERS; break;
    case QUERY_COOKIE_ONLY:
        /* RFC 7873 section 5.4 */
        answer->rcode = query->edns.cookie_len == COOKIE_CLIENT_LEN || proven || answer->edns.cookie_len == 0
                            ? DNS_RCODE_NOERROR
                            : DNS_RCODE_BADCOOKIE;
        break;
    default: answer->rcode = DNS_RCODE_FORMERR; break;
    }
    return RRL_OTHER;
}

/* RFC 8906 section 3.1.4: another opcode gets the header back, every count and flag 0. */
static void build_notimp(struct packet *packet)
{
    packet->wire[2] = (uint8_t)(DNS_FLAG_QR | (packet->wire[2] & DNS_OPCODE_MASK));
    packet->wire[3] = DNS_RCODE_NOTIMP;
    memset(packet->wire + 4, 0, DNS_HEADER_LEN - 4);
    packet->len = DNS_HEADER_LEN;
}

static bool has_limit(const struct burst *burst, const struct packet *packet, bool proven)
{
    return burst->worker->rrl != NULL && !proven && packet->transport != TRANSPORT_TCP;
}

/* The rate limit's word on an answer: whether to send it, cut down to TC (`answer` given) or as it is. */
static bool limit(const struct burst *burst, const struct packet *packet, enum rrl_kind kind, struct answer *answer)
{
    struct respond_worker *worker = burst->worker;
    enum rrl_verdict verdict = rrl_count(worker->rrl, packet->client, kind, burst->now->mono_ms);
    if (verdict == RRL_PASS) {
        return true;
    }
    count(&worker->counters.rate_limited);
    if (verdict == RRL_SLIP && answer != NULL) {
        answer_truncate(answer);
        return true;
    }
    return false;
}

static void drop(const struct burst *burst, struct packet *packet, enum respond_drop reason)
{
    count(&burst->worker->counters.dropped[reason]);
    packet->len = 0;
}

static void respond_notimp(const struct burst *burst, struct packet *packet)
{
    if (has_limit(burst, packet, false) && !limit(burst, packet, RRL_OTHER, NULL)) {
        drop(burst, packet, RESPOND_DROP_RATE_LIMIT);
        return;
    }
    build_notimp(packet);
    count(&burst->worker->counters.rcode[DNS_RCODE_NOTIMP]);
}

static void respond_query(const struct burst *burst, struct packet *packet, struct task *task)
{
    struct respond_counters *counters = &burst->worker->counters;
    struct answer answer;
    bool proven = decide_edns(burst, &task->query, packet, &answer.edns);
    enum rrl_kind kind = build(burst, packet, task, proven, &answer);
    if (has_limit(burst, packet, proven) && !limit(burst, packet, kind, &answer)) {
        drop(burst, packet, RESPOND_DROP_RATE_LIMIT);
        return;
    }
    packet->len = (uint16_t)answer_finish(&answer);
    count(&counters->rcode[answer.rcode]);
    if (answer.truncated) {
        count(&counters->truncated);
    }
}

static void respond_one(const struct burst *burst, struct packet *packet, struct task *task)
{
    switch (task->query.form) {
    case QUERY_DROP: drop(burst, packet, packet->cut ? RESPOND_DROP_OVERSIZED : RESPOND_DROP_INVALID); break;
    case QUERY_NOTIMP: respond_notimp(burst, packet); break;
    default:
        if (task->query.qtype == DNS_TYPE_TXT) {
            count(&burst->worker->counters.qtype[RESPOND_QTYPE_TXT]);
        } else {
            count_qtype(&burst->worker->counters, task->query.qtype);
        }
        respond_query(burst, packet, task);
        break;
    }
}

void respond_burst(const struct responder *responder, struct respond_worker *worker, const struct respond_clock *now,
                   struct packet packets[], unsigned packets_count)
{
    const struct zone_set *zones = rcu_dereference(responder->zones);
    const struct burst burst = {
        .settings = rcu_dereference(responder->settings),
        .worker = worker,
        .now = now,
        .names = {.zones = zones, .table = responder->table, .wall_s = now->wall_s},
    };
    struct task tasks[RESPOND_BURST_MAX];
    struct delegate_lookup lookups[RESPOND_BURST_MAX];
    unsigned lookups_count = 0;
    for (unsigned i = 0; i < packets_count; i++) {
        struct delegate_lookup *lookup = &lookups[lookups_count];
        tasks[i].lookup = lookup;
        tasks[i].zone = question_read(zones, packets[i].wire, packets[i].len, &tasks[i].query, &lookup->id);
        if (tasks[i].zone != NULL) {
            lookup->zone = tasks[i].zone->options.number;
            lookups_count++;
        }
    }
    if (packets_count > 0) {
        count_many(&worker->counters.queries[packets[0].transport], packets_count);
    }
    delegate_table_find_burst(responder->table, lookups, lookups_count);
    for (unsigned i = 0; i < packets_count; i++) {
        respond_one(&burst, &packets[i], &tasks[i]);
    }
}
