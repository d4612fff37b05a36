#include "control/txtctl/caa_property.h"

#include <stdio.h>
#include <string.h>

#define BLANKS " \t"

static bool is_known(const char *tag)
{
    static const char *const known[] = {"issue",        "issuewild",    "iodef",   "issuemail",
                                        "contactemail", "contactphone", "issuevmc"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcasecmp(tag, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Without the blanks around it, at most CAA_VALUE_MAX - 1 octets; into `text`. */
static void copy_trimmed(const char *from, size_t len, char text[CAA_VALUE_MAX])
{
    while (len > 0 && strchr(BLANKS, from[0]) != NULL) {
        from++;
        len--;
    }
    while (len > 0 && strchr(BLANKS, from[len - 1]) != NULL) {
        len--;
    }
    (void)snprintf(text, CAA_VALUE_MAX, "%.*s", (int)len, from);
}

/* "name=value" behind a ';'. */
static void read_parameter(const char *from, size_t len, struct caa_property *property)
{
    char parameter[CAA_VALUE_MAX];
    char name[CAA_VALUE_MAX];
    copy_trimmed(from, len, parameter);
    const char *equals = strchr(parameter, '=');
    if (equals == NULL) {
        return;
    }
    copy_trimmed(parameter, (size_t)(equals - parameter), name);
    if (strcasecmp(name, "accounturi") == 0) {
        copy_trimmed(equals + 1, strlen(equals + 1), property->account);
    } else if (strcasecmp(name, "validationmethods") == 0) {
        copy_trimmed(equals + 1, strlen(equals + 1), property->methods);
    }
}

int caa_property_read(const ldns_rr *record, struct caa_property *property)
{
    char value[CAA_VALUE_MAX];
    *property = (struct caa_property){.critical = false};
    if (ldns_rr_get_type(record) != LDNS_RR_TYPE_CAA || ldns_rr_rd_count(record) < 3) {
        return TXTD_EINVAL;
    }
    const ldns_rdf *tag = ldns_rr_rdf(record, 1);
    const ldns_rdf *text = ldns_rr_rdf(record, 2);
    if (ldns_rdf_size(tag) < 2 || ldns_rdf_size(tag) > CAA_TAG_MAX || ldns_rdf_size(text) >= CAA_VALUE_MAX) {
        return TXTD_EINVAL;
    }
    (void)snprintf(property->tag, sizeof property->tag, "%.*s", (int)ldns_rdf_size(tag) - 1,
                   (const char *)ldns_rdf_data(tag) + 1); /* behind its length */
    (void)snprintf(value, sizeof value, "%.*s", (int)ldns_rdf_size(text), (const char *)ldns_rdf_data(text));
    property->critical = (ldns_rdf2native_int8(ldns_rr_rdf(record, 0)) & 0x80) != 0;
    property->known = is_known(property->tag);
    const char *at = value;
    size_t len = strcspn(at, ";");
    copy_trimmed(at, len, property->issuer);
    while (at[len] == ';') {
        at += len + 1;
        len = strcspn(at, ";");
        read_parameter(at, len, property);
    }
    return 0;
}

bool caa_property_allows_method(const struct caa_property *property, const char *method)
{
    const char *at = property->methods;
    if (*at == '\0') {
        return true;
    }
    while (*at != '\0') {
        char one[CAA_VALUE_MAX];
        size_t len = strcspn(at, ",");
        copy_trimmed(at, len, one);
        if (strcasecmp(one, method) == 0) {
            return true;
        }
        at += len + (at[len] == ',');
    }
    return false;
}
