/* config_document.h: on which line of a YAML file a key stands.
 *
 * libcyaml knows lines only while it loads; what is checked afterwards looks its line up here, by path:
 * "dns.tcp.idle", "zones[1].nameservers[0].name".
 */
#ifndef TXTD_CONTROL_CONFIG_DOCUMENT_H
#define TXTD_CONTROL_CONFIG_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/error.h"

struct config_document;

/* Parses the YAML text. Refuses what is no YAML, and a second document in the file. Returns 0, TXTD_EINVAL with a `detail`
 * "<file>:<line>: ...", or TXTD_ENOMEM. The caller frees *document. */
int config_document_new(const char *file, const char *text, size_t len, struct config_document **document,
                        struct error_detail *detail);
void config_document_free(struct config_document *document);

/* The line (from 1) of the key at `path`, or of the deepest part of it that exists. */
size_t config_document_line(const struct config_document *document, const char *path);

/* Whether there is a key at `path`. */
bool config_document_has(const struct config_document *document, const char *path);

#endif
