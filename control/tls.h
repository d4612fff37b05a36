/* tls.h: certificate, key and session tickets for the HTTPS listeners (mbedtls 2.28 and 3.6).
 *
 * One tls_context is shared by all threads; each loop thread makes its own configuration from it (keys race otherwise in
 * 2.28), and takes over a reloaded certificate at its next accepted connection. Tickets survive reloads.
 */
#ifndef TXTD_CONTROL_TLS_H
#define TXTD_CONTROL_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/error.h"

struct tls_context;

/* Loads and checks a PEM chain and key (mbedtls_pk_check_pair). Start-up thread. Returns 0, or TXTD_EINVAL / TXTD_ESYS with a
 * `detail` that names the file and what is wrong. */
int tls_context_new(const char *certificate_file, const char *key_file, struct tls_context **made,
                    struct error_detail *detail);
void tls_context_free(struct tls_context *tls);

/* Loads again; when the new pair is bad the old one stays. One control thread. */
int tls_context_reload(struct tls_context *tls, struct error_detail *detail);

/* When the certificate ends, seconds since 1970. Any thread. */
int64_t tls_context_not_after_s(const struct tls_context *tls);

/* Writes a new P-256 key (mode 0600) and a self-made certificate for `names` (host names or addresses) to the files, neither
 * of which may exist. Each is made whole, with ".new" behind its name, before the key and then the certificate get their names.
 * Returns 0 or a code. One at a time, of all processes. */
int tls_self_made(const char *certificate_file, const char *key_file, const char *const names[], unsigned names_count,
                  unsigned days, struct error_detail *detail);

/* If a tls_self_made was killed when only the key had its name: gives the certificate its own. Removes what such a one has left.
 * Returns whether the pair is there only now. One at a time, as above. */
bool tls_self_made_finish(const char *certificate_file, const char *key_file);

#endif
