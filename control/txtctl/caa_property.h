/* caa_property.h: one CAA record, taken apart (RFC 8659 section 4, RFC 8657). Pure. */
#ifndef TXTD_CONTROL_TXTCTL_CAA_PROPERTY_H
#define TXTD_CONTROL_TXTCTL_CAA_PROPERTY_H

#include <ldns/ldns.h>
#include <stdbool.h>

#include "dataplane/error.h"

#define CAA_TAG_MAX   256
#define CAA_VALUE_MAX 1024

struct caa_property {
    bool critical; /* an authority that does not know the tag must not issue */
    bool known;    /* issue, issuewild, iodef, issuemail, contactemail, contactphone, issuevmc */
    char tag[CAA_TAG_MAX];
    char issuer[CAA_VALUE_MAX];  /* of issue and issuewild: the domain before the first ';'; "": nobody */
    char account[CAA_VALUE_MAX]; /* accounturi, or "" */
    char methods[CAA_VALUE_MAX]; /* validationmethods, or "" */
};

/* Returns 0 or TXTD_EINVAL (no CAA record, or longer than the bounds). */
int caa_property_read(const ldns_rr *record, struct caa_property *property);

/* Whether the property lets its issuer use the validation method (RFC 8657 section 4). */
bool caa_property_allows_method(const struct caa_property *property, const char *method);

#endif
