/* bursts.h: what the benchmarks of the responder alone share: a zone of delegates with two live values of 43 octets, and bursts of 32
 * TXT requests for random names of it, made and answered in memory.
 *
 * `<uuid>.auth.example.org`, uniformly random; as dnsperf asks (no EDNS) or as resolvers do (EDNS, 1232 octets, DO). Rate limiting
 * is off; its cost is bench_rrl's. */
#ifndef TXTD_BENCH_BURSTS_H
#define TXTD_BENCH_BURSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/respond.h"
#include "dataplane/zone/delegate.h"

#define BURST            ((unsigned)RESPOND_BURST_MAX)
#define BURSTS_VALUE_LEN 43
#define BURSTS_ZONE      1 /* its number */

enum asked { ASKED_HIT, ASKED_MISS, ASKED_MIXED, ASKED_COUNT };
enum form { FORM_PLAIN, FORM_EDNS, FORM_COUNT };

struct delegate_table;

/* What is asked: the same for all threads. */
struct burst_service {
    uint64_t delegates;
    struct delegate_table *table;
    struct responder *responder;
};

/* Who asks, and the worker that answers: one thread's. */
struct burst_client {
    const struct burst_service *service;
    uint64_t random;
    uint64_t asked; /* and answered, in all */
    struct respond_worker worker;
    struct packet packets[RESPOND_BURST_MAX];
    uint8_t wires[RESPOND_BURST_MAX][2048 + 64]; /* as io/udp.c: no two headers in one cache set */
};

/* Answers a burst: respond_burst, or a variant of it. */
typedef void burst_respond(const struct responder *responder, struct respond_worker *worker,
                           const struct respond_clock *now, struct packet packets[], unsigned count);

/* All of these end the program when they cannot. */
void burst_service_begin(struct burst_service *service, uint64_t delegates);
void burst_service_end(struct burst_service *service);

/* Returns a client that the caller frees. Before threads ask; one thread at a time. */
struct burst_client *burst_client_new(const struct burst_service *service, uint64_t seed);

/* Asks `queries` times, rounded down to bursts, and has them answered; `respond` NULL: only makes the requests. The calling thread is a
 * registered QSBR reader, on line; it passes a quiescent state after each burst. Returns the octets of the messages. */
uint64_t burst_client_ask(struct burst_client *client, enum asked asked, enum form form, uint64_t queries,
                          burst_respond *respond);

/* Ends the program if the answers cannot have been right by the worker's counters: hits alone, or a third of hits and more. */
void burst_client_check(const struct burst_client *client);

/* "hit", "miss-edns" ...: what main is told to ask. Returns false when it is nothing like that. */
bool burst_case_read(const char *text, enum asked *asked, enum form *form);

/* Nanoseconds by the wall clock, and those that the calling thread ran. */
uint64_t burst_now_ns(void);
uint64_t burst_thread_ns(void);

/* Sorts them, too. */
double burst_median(double values[], unsigned count);

/* The calling thread runs on this CPU only, of those there are. */
void burst_pin(unsigned cpu);

#endif
