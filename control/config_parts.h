/* config_parts.h: the parts of config_load that have a file of their own. Only the config*.c files include this. */
#ifndef TXTD_CONTROL_CONFIG_PARTS_H
#define TXTD_CONTROL_CONFIG_PARTS_H

#include "control/config.h"
#include "control/config_raw.h"
#include "control/config_reader.h"

/* Each returns 0, or a code with the reader's detail filled. */

/* config_zones.c: `zones`. */
int config_read_zones(const struct config_reader *reader, const struct config_raw *raw, struct config *config);

/* config_acme.c: `api.acme_name`, and the record that follows from it. After the zones. */
int config_read_acme(const struct config_reader *reader, const struct config_raw *raw, struct config *config);

/* config_listen.c: every list of addresses and prefixes, and the public URL that follows from them. */
int config_read_listen(const struct config_reader *reader, const struct config_raw *raw, struct config *config);

/* Writes the keys of the lists that differ to `names`, at most `max`; returns how many. */
unsigned config_listen_differs(const struct config *one, const struct config *other, const char *names[], unsigned max);

/* config_xdp.c: `dns.xdp`. */
int config_read_xdp(const struct config_reader *reader, const struct config_raw *raw, struct config *config);
bool config_xdp_differs(const struct config *one, const struct config *other);

/* config_secrets.c: DNS cookie secrets and registration tokens, from the file or from files of their own. No error ever
 * quotes one. */
int config_read_secrets(const struct config_reader *reader, const struct config_raw *raw, struct config *config);

#endif
