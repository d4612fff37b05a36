/* account_file.h: the file with the accounts: one JSON object, an account for each domain.
 *
 * The form is that of goacmedns' storage (lego, acme-dns-client), so that these can use the same file:
 *   {"example.com":{"fulldomain":"...","subdomain":"...","username":"...","password":"...","server_url":"..."}}
 * It holds secrets: it is written with mode 0600, and whole or not at all.
 */
#ifndef TXTD_CONTROL_TXTCTL_ACCOUNT_FILE_H
#define TXTD_CONTROL_TXTCTL_ACCOUNT_FILE_H

#include <jansson.h>

#include "dataplane/error.h"

struct account_file;

/* Opens the file for a change: nobody else changes it until account_file_close, and there is room for the successor, so
 * that an account is not made only to be lost. A file that does not exist is as good as `{}`.
 * Returns 0, or TXTD_EINVAL (no such form), TXTD_ESYS, TXTD_ENOMEM with a `detail`. */
int account_file_open(const char *path, struct account_file **file, struct error_detail *detail);

/* The accounts by domain; belongs to the file, to be changed in place. */
json_t *account_file_accounts(struct account_file *file);

/* Makes what has been changed durable under the file's name. Returns 0 or TXTD_ESYS with a `detail`. */
int account_file_save(struct account_file *file, struct error_detail *detail);

/* Frees; without account_file_save nothing has changed. */
void account_file_close(struct account_file *file);

/* Reads one account: `domain`'s, or with NULL the only one. A leading "_acme-challenge." or "*." and a final dot of the
 * domain do not count. The caller owns *account (json_decref); it has username, password, fulldomain and subdomain. Returns 0,
 * or TXTD_ENOTFOUND, TXTD_EINVAL (the file or that account has no such form), TXTD_ESYS with a `detail`. */
int account_file_read(const char *path, const char *domain, json_t **account, struct error_detail *detail);

/* The same among accounts that are read already; *account and *name, what it stands under, belong to `accounts`. `path` is for
 * the detail. */
int account_file_find(const char *path, json_t *accounts, const char *domain, const char **name, json_t **account,
                      struct error_detail *detail);

/* What the domain is called in the file; into `domain`, and without its final dot by *len. Pure. */
const char *account_file_domain(const char *domain, size_t *len);

#endif
