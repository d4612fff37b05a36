/* operator_token.h: the operator's token, kept in a file: a command line and an environment are seen by others. */
#ifndef TXTD_CONTROL_TXTCTL_OPERATOR_TOKEN_H
#define TXTD_CONTROL_TXTCTL_OPERATOR_TOKEN_H

#include "dataplane/error.h"

#define OPERATOR_TOKEN_MAX 128 /* characters */

/* Reads the first token; empty lines and what stands behind '#' do not count, so that api.operator_tokens_file itself will do. The caller
 * wipes `token`. Returns 0, or TXTD_EINVAL (no path, no token in the file), TXTD_ESYS with a `detail`. */
int operator_token_read(const char *path, char token[OPERATOR_TOKEN_MAX + 1], struct error_detail *detail);

#endif
