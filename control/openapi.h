/* openapi.h: the description of the API that /openapi.json answers with: openapi.json, as it was when txtd was built. */
#ifndef TXTD_CONTROL_OPENAPI_H
#define TXTD_CONTROL_OPENAPI_H

#include <stddef.h>

/* The document and its length in octets; valid as long as the program. Any thread. */
const char *openapi_document(size_t *len);

#endif
