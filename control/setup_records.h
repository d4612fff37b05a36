/* setup_records.h: the records that a customer adds to the zone of a domain, so that its challenges are looked for here. Pure. */
#ifndef TXTD_CONTROL_SETUP_RECORDS_H
#define TXTD_CONTROL_SETUP_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/error.h"

#define SETUP_DOMAIN_MAX      253  /* characters of a name without its final dot (RFC 1035 section 3.1) */
#define SETUP_ACCOUNT_URL_MAX 1024 /* characters */
#define SETUP_ISSUER_MAX      253
#define SETUP_RECORDS_MAX     5
#define SETUP_VALUE_MAX       2048
#define SETUP_LABEL_MAX       18 /* "_" and 16 characters of base32, and a NUL */

struct setup_question {
    char domain[SETUP_DOMAIN_MAX + 1]; /* lower case, without "*." and final dot */
    bool wildcard;
    char account_url[SETUP_ACCOUNT_URL_MAX + 1]; /* of the ACME account; empty: not known */
    char issuer[SETUP_ISSUER_MAX + 1];           /* the authority's domain for CAA; empty: derived, or no CAA */
    bool persistent;        /* the delegate has persistent values: CAA is to allow dns-persist-01 */
    const char *fulldomain; /* the delegate's name, without a final dot */
};

struct setup_record {
    const char *purpose; /* "dns-01", "dns-account-01", "dns-persist-01", "caa" */
    char name[SETUP_DOMAIN_MAX + 64];
    const char *type;
    char value[SETUP_VALUE_MAX]; /* presentation form */
};

/* Takes over a domain as people write it. Returns 0 or TXTD_EINVAL. */
int setup_question_domain(struct setup_question *question, const char *domain, size_t len);

/* Takes over an account URL or an issuer; both stand in records, so they must have the form for it. Return 0 or TXTD_EINVAL. */
int setup_question_account_url(struct setup_question *question, const char *url, size_t len);
int setup_question_issuer(struct setup_question *question, const char *issuer, size_t len);

/* The label of dns-account-01: "_" and the base32 of the first ten octets of the URL's SHA-256, in lower case
 * (draft-ietf-acme-dns-account-label). Returns 0 or TXTD_ENOMEM. */
int setup_account_label(const char *url, size_t len, char label[SETUP_LABEL_MAX]);

/* Makes the records. Returns how many, TXTD_EINVAL (a record's own name would be longer than names may be) or TXTD_ENOMEM. */
int setup_records_make(const struct setup_question *question, struct setup_record records[SETUP_RECORDS_MAX]);

#endif
