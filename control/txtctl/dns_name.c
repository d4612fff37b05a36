#include "control/txtctl/dns_name.h"

#include <stdlib.h>
#include <string.h>

bool dns_name_text(const ldns_rdf *name, char text[DNS_NAME_TEXT_MAX])
{
    char *made = ldns_rdf2str(name);
    bool fits = made != NULL && strlen(made) < DNS_NAME_TEXT_MAX;
    if (fits) {
        memcpy(text, made, strlen(made) + 1);
    }
    free(made);
    return fits;
}

bool dns_name_parent(char text[DNS_NAME_TEXT_MAX])
{
    const char *at = text;
    if (strcmp(text, ".") == 0 || *text == '\0') {
        return false;
    }
    while (*at != '\0' && *at != '.') {
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    }
    at += *at == '.';
    if (*at == '\0') {
        memcpy(text, ".", sizeof ".");
    } else {
        memmove(text, at, strlen(at) + 1);
    }
    return true;
}
