/* acmedns_source.h: where the data of an acme-dns is read from. */
#ifndef TXTD_CONTROL_TXTCTL_ACMEDNS_SOURCE_H
#define TXTD_CONTROL_TXTCTL_ACMEDNS_SOURCE_H

#include <stdio.h>

#include "control/txtctl/acmedns_data.h"

/* Reads acme-dns's SQLite file, or a dump of its PostgreSQL database in plain text ("-": from standard input); which of them it
 * is shows in its first octets. Returns 0, or a code with a `detail` that names the file and what is wrong. */
int acmedns_source_read(const char *path, struct acmedns_data *data, struct error_detail *detail);

/* acmedns_sqlite.c: an SQLite file, read in one transaction: acme-dns may be running. Codes as above. */
int acmedns_sqlite_read(const char *path, struct acmedns_data *data, struct error_detail *detail);

/* acmedns_dump.c: a dump as pg_dump writes it, with COPY or (--inserts, --column-inserts) with INSERT, or as sqlite3 does. `name` is for errors,
 * which name the line too. Codes as above. */
int acmedns_dump_read(FILE *file, const char *name, struct acmedns_data *data, struct error_detail *detail);

#endif
