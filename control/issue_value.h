/* issue_value.h: the grammar of CAA's issue-value (RFC 8659 section 4.2), which dns-persist-01 values share. Pure. */
#ifndef TXTD_CONTROL_ISSUE_VALUE_H
#define TXTD_CONTROL_ISSUE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is an issue-value that names an issuer: "ca.example; accounturi=https://ca.example/acct/1". */
bool issue_value_valid(const char *text, size_t len);

/* Whether the text is an issuer's domain name alone. */
bool issue_value_issuer_valid(const char *text, size_t len);

/* Whether the text can stand as the value of a parameter: visible ASCII without ';'. */
bool issue_value_parameter_valid(const char *text, size_t len);

#endif
