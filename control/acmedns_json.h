/* acmedns_json.h: the bodies of the acme-dns API, as real clients send them.
 *
 * Keys match without case, as Go's decoder has it ("AllowFrom", "SubDomain", "Txt"), the last of several wins, unknown ones
 * are ignored. Nothing outlives the call but plain structs. Pure; any thread.
 */
#ifndef TXTD_CONTROL_ACMEDNS_JSON_H
#define TXTD_CONTROL_ACMEDNS_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "control/service.h"
#include "dataplane/error.h"

#define ACMEDNS_VALUE_LEN     43  /* a dns-01 value: a SHA-256 in base64url (RFC 8555 section 8.4) */
#define ACMEDNS_SUBDOMAIN_MAX 255 /* characters: a UUID, or the whole name */

/* The words of acme-dns for what is wrong with a body. */
#define ACMEDNS_ERROR_JSON "malformed_json_payload"
#define ACMEDNS_ERROR_CIDR "invalid_allowfrom_cidr"
#define ACMEDNS_ERROR_TXT  "bad_txt"

/* Reads the body of /register: nothing, blank space, `null`, or an object.
 * Returns 0, or TXTD_EINVAL with *error one of the words above. */
int acmedns_json_register(const char *body, size_t len, struct service_registration *registration, const char **error);

struct acmedns_update {
    char subdomain[ACMEDNS_SUBDOMAIN_MAX + 1]; /* empty when absent, no string, or too long: nobody's */
    size_t subdomain_len;
    bool value_valid; /* 43 characters of base64url */
    char value[ACMEDNS_VALUE_LEN + 1];
};

/* Reads the body of /update: `null` or an object; what stands in its fields is for the caller to judge, once he knows the
 * client. Returns 0, or TXTD_EINVAL when it is no JSON object. */
int acmedns_json_update(const char *body, size_t len, struct acmedns_update *update);

/* Whether `subdomain` names the delegate `id` of the zone `apex`: by its UUID or by its whole name, without regard to case,
 * with or without the final dot. */
bool acmedns_subdomain_names(const char *subdomain, size_t len, const struct delegate_id *id, const char *apex);

#endif
