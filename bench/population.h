/* population.h: the service that the network benchmarks serve: one zone, delegates with two live values each. */
#ifndef TXTD_BENCH_POPULATION_H
#define TXTD_BENCH_POPULATION_H

#include <stdint.h>

#include "dataplane/zone/delegate.h"

struct delegate_table;
struct responder;

/* Numbers that follow each other, spread over all numbers: splitmix64's finaliser. */
uint64_t population_mix(uint64_t x);

/* The id of delegate `number`. */
struct delegate_id population_id(uint64_t number);

/* Fills a table with `delegates` delegates of auth.example and makes a responder over both. Ends the program when it cannot. */
struct responder *population_new(uint64_t delegates, struct delegate_table **table);
void population_free(struct responder *responder, struct delegate_table *table);

/* Prints `count` random names of those delegates, as dnsperf reads them. */
void population_print_names(uint64_t delegates, uint64_t count);

#endif
