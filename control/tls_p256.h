/* tls_p256.h: points of P-256 multiplied by libcrypto, for all of mbedtls in this process.
 *
 * Nine tenths of a TLS handshake with an ECDSA P-256 certificate are three multiplications of points (its own ECDHE key, the
 * shared secret, the signature), and libcrypto's assembly makes one in a thirtieth of the time of mbedtls's portable code. So
 * the program defines mbedtls_ecp_mul_restartable itself: the dynamic linker gives the definition of the program to libmbedcrypto
 * too, which calls this function through its own table of symbols. Everything around it (protocol, nonces, blinding, checks) stays
 * mbedtls's, and so do the other curves. Where the linker should decide otherwise, mbedtls is merely slower.
 */
#ifndef TXTD_CONTROL_TLS_P256_H
#define TXTD_CONTROL_TLS_P256_H

#include <stdbool.h>

/* Gets ready; that it is called is also what links this file in. Any thread, any number of times. Returns 0 or TXTD_ESYS. */
int tls_p256_init(void);

/* Whether libmbedcrypto calls the definition here. Any thread. */
bool tls_p256_in_use(void);

#endif
