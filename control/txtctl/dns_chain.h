/* dns_chain.h: where CNAMEs lead, one behind the other. */
#ifndef TXTD_CONTROL_TXTCTL_DNS_CHAIN_H
#define TXTD_CONTROL_TXTCTL_DNS_CHAIN_H

#include "control/txtctl/dns_ask.h"
#include "control/txtctl/dns_name.h"

#define DNS_CHAIN_MAX 8 /* CNAMEs; resolvers give up at about as many */

struct dns_chain {
    char names[DNS_CHAIN_MAX + 1][DNS_NAME_TEXT_MAX]; /* from the first name to the last, with final dots */
    unsigned links;                                   /* CNAMEs between them: names[links] is the last */
};

/* A chain without a link. `name` has its final dot. Pure. */
void dns_chain_begin(struct dns_chain *chain, const char *name);

/* Adds a name behind the last. Returns 0, TXTD_EINVAL (the chain was there already: it is a loop) or TXTD_EFULL (it is too long) with a
 * `detail`. Pure. */
int dns_chain_add(struct dns_chain *chain, const char *name, struct error_detail *detail);

/* Adds what the last name leads to, as the resolver answers, and so on. Waits. Returns 0, what dns_chain_add or dns_ask returns, or
 * TXTD_ESYS (the resolver answers an error) with a `detail`. */
int dns_chain_follow(struct dns_server *resolver, struct dns_chain *chain, struct error_detail *detail);

#endif
