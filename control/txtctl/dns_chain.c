#include "control/txtctl/dns_chain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/dns_answer.h"

void dns_chain_begin(struct dns_chain *chain, const char *name)
{
    chain->links = 0;
    (void)snprintf(chain->names[0], sizeof chain->names[0], "%s", name);
}

int dns_chain_add(struct dns_chain *chain, const char *name, struct error_detail *detail)
{
    for (unsigned i = 0; i <= chain->links; i++) {
        if (strcasecmp(chain->names[i], name) == 0) {
            return error_describe(detail, TXTD_EINVAL, "the CNAMEs lead in a circle, back to %s", name);
        }
    }
    if (chain->links == DNS_CHAIN_MAX) {
        return error_describe(detail, TXTD_EFULL, "more than %d CNAMEs lead one to the other", DNS_CHAIN_MAX);
    }
    chain->links++;
    (void)snprintf(chain->names[chain->links], sizeof chain->names[0], "%s", name);
    return 0;
}

/* *target is empty when the name has no CNAME. */
static int ask_target(struct dns_server *resolver, const char *name, char target[DNS_NAME_TEXT_MAX],
                      struct error_detail *detail)
{
    ldns_pkt *answer = NULL;
    *target = '\0';
    int rc = dns_ask(resolver, name, LDNS_RR_TYPE_CNAME, true, &answer, detail);
    if (rc != 0) {
        return rc;
    }
    const ldns_rr *record = dns_answer_find(ldns_pkt_answer(answer), LDNS_RR_TYPE_CNAME, name);
    if (record == NULL) {
        rc = dns_answer_check(answer, "the resolver", name, detail);
    } else if (!dns_name_text(ldns_rr_rdf(record, 0), target)) {
        *target = '\0';
    }
    ldns_pkt_free(answer);
    return rc;
}

int dns_chain_follow(struct dns_server *resolver, struct dns_chain *chain, struct error_detail *detail)
{
    char target[DNS_NAME_TEXT_MAX];
    int rc;
    while ((rc = ask_target(resolver, chain->names[chain->links], target, detail)) == 0 && *target != '\0') {
        rc = dns_chain_add(chain, target, detail);
        if (rc != 0) {
            return rc;
        }
    }
    return rc;
}
