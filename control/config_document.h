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

/* Parses the YAML text, which is borrowed (config_document_is_empty). Refuses what is no YAML, anchors, and a second document. Returns 0, TXTD_EINVAL with a `detail`
 * "<file>:<line>: ...", or TXTD_ENOMEM. The caller frees *document. */
int config_document_new(const char *file, const char *text, size_t len, struct config_document **document,
                        struct error_detail *detail);
void config_document_free(struct config_document *document);

/* The line (from 1) of the key at `path`, or of the deepest part of it that exists. */
size_t config_document_line(const struct config_document *document, const char *path);

/* Whether there is a key at `path`. */
bool config_document_has(const struct config_document *document, const char *path);

/* Whether the key at `path` is there with nothing behind it ("dns:"); *at is then the octet of the text where its value would
 * begin. Only while the text that config_document_new was given is there. Pure. */
bool config_document_is_empty(const struct config_document *document, const char *path, size_t *at);

#endif
