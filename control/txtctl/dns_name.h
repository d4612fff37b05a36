/* dns_name.h: domain names as text. Pure. */
#ifndef TXTD_CONTROL_TXTCTL_DNS_NAME_H
#define TXTD_CONTROL_TXTCTL_DNS_NAME_H

#include <ldns/ldns.h>
#include <stdbool.h>

#define DNS_NAME_TEXT_MAX 1025 /* presentation form: up to 255 octets, each maybe as \DDD (RFC 1035 section 5.1) */

/* Copies the name with its final dot. False: it does not fit. */
bool dns_name_text(const ldns_rdf *name, char text[DNS_NAME_TEXT_MAX]);

/* Cuts the first label off in place. False: it was the root. */
bool dns_name_parent(char text[DNS_NAME_TEXT_MAX]);

#endif
