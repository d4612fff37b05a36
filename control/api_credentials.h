/* api_credentials.h: who a request says it is from: X-Api-User and X-Api-Key, or HTTP Basic with the same pair. */
#ifndef TXTD_CONTROL_API_CREDENTIALS_H
#define TXTD_CONTROL_API_CREDENTIALS_H

#include "control/http_server.h"
#include "control/service_rules.h"

#define API_CREDENTIALS_BASIC_MAX 192 /* octets of a decoded user:key pair */

struct api_credentials {
    struct http_text username, key; /* into the request or `basic`; empty when there are none */
    char basic[API_CREDENTIALS_BASIC_MAX];
};

/* Reads them. With either X-Api header there, Authorization is somebody else's (a proxy's, perhaps) and ignored. Loop thread;
 * `credentials` must not be copied, and is to be wiped after use. */
void api_credentials_read(const struct http_exchange *exchange, struct api_credentials *credentials);

/* The token that allows a registration: `path_token`, which stood in the path as /t/<token>, or, when that is absent, either
 * half of Basic authentication. Absent when there is neither. As above; the token may point into `credentials`. */
struct http_text api_credentials_registration_token(const struct http_exchange *exchange,
                                                    const struct service_rules *rules, struct http_text path_token,
                                                    struct api_credentials *credentials);

/* Overwrites the secret. */
void api_credentials_wipe(struct api_credentials *credentials);

/* Decodes the value of an Authorization header, "Basic <base64>" (RFC 7617 section 2). Returns 0, or TXTD_EINVAL for another
 * scheme, broken base64, no colon, or too much. Pure. */
int api_credentials_decode_basic(struct http_text header, struct api_credentials *credentials);

#endif
