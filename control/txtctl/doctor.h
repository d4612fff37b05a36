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
    char target[DNS_NAME_TEXT_MAX];    /* where the CNAME leads, or the last of a chain; "" until it is found */
    unsigned links;                    /* CNAMEs from the challenge to the target */
    char zone[DNS_NAME_TEXT_MAX];      /* of the challenge: its apex; "" until it is found */
    char target_zone[DNS_NAME_TEXT_MAX];
    bool wildcard;      /* it was asked for *.example.com */
    const char *value;  /* that must be visible, or NULL */
    const char *issuer; /* the authority's domain in CAA records, or NULL */
    unsigned timeout_s; /* of one question */
    struct dns_server *resolver;
    json_t *findings;
};

/* Whether the resolver answers at all. Returns 0, or TXTD_ETIMEOUT or TXTD_ESYS (it refuses) with a `detail`. */
int doctor_try_resolver(struct doctor *doctor, struct error_detail *detail);

/* The CNAME at every name server of the customer, and where it leads in the end. Sets `zone`, `target` and `links`. */
void doctor_examine_cname(struct doctor *doctor);

/* The delegate, and the value, at every name server of its zone, and through the resolver. Needs `target`; sets `target_zone`. */
void doctor_examine_delegate(struct doctor *doctor);

/* Whether CAA records allow the authority, dns-01 and wildcards (RFC 8659, RFC 8657). */
void doctor_examine_caa(struct doctor *doctor);

/* Whether the zones of the domain and of the delegate are signed, and what a resolver that validates makes of it. */
void doctor_examine_dnssec(struct doctor *doctor);

#endif
