/* doctor.h: the examinations of `txtctl doctor`, each in a file of its own. One thread; they wait for DNS servers.
 *
 * An examination adds its findings; what it learns for the later ones it leaves in the struct.
 */
#ifndef TXTD_CONTROL_TXTCTL_DOCTOR_H
#define TXTD_CONTROL_TXTCTL_DOCTOR_H

#include "control/txtctl/dns_zone.h"
#include "control/txtctl/findings.h"

struct doctor {
    char domain[DNS_NAME_TEXT_MAX];    /* example.com. */
    char challenge[DNS_NAME_TEXT_MAX]; /* _acme-challenge.example.com. */
    char expected[DNS_NAME_TEXT_MAX];  /* the delegate of the account, with its final dot; "": not known */
    char target[DNS_NAME_TEXT_MAX];    /* where the CNAME leads; "" until it is found */
    bool wildcard;                     /* it was asked for *.example.com */
    const char *value;                 /* that must be visible, or NULL */
    const char *issuer;                /* the authority's domain in CAA records, or NULL */
    unsigned timeout_s;                /* of one question */
    struct dns_server *resolver;
    json_t *findings;
};

/* The CNAME at every name server of the customer. Sets `target`. */
void doctor_examine_cname(struct doctor *doctor);

/* The delegate, and the value, at every name server of its zone, and through the resolver. Needs `target`. */
void doctor_examine_delegate(struct doctor *doctor);

/* Whether CAA records allow the authority, dns-01 and wildcards (RFC 8659, RFC 8657). */
void doctor_examine_caa(struct doctor *doctor);

/* Whether what a validating resolver is told about the domain and the delegate validates. */
void doctor_examine_dnssec(struct doctor *doctor);

/* For how long a resolver remembers that something was not there, as a negative answer's SOA says (RFC 2308 section 5). 0: not
 * said. Pure. */
uint32_t doctor_negative_ttl(const ldns_pkt *answer);

/* "NXDOMAIN" and so on, in `text`. */
void doctor_rcode_text(const ldns_pkt *answer, char text[32]);

#endif
