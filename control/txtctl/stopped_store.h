/* stopped_store.h: the store of a txtd that does not run, for the commands that work on it directly.
 *
 * The configuration says where it is and whose it is: as root these commands become the user that txtd runs as before they
 * open it, for good, so that no file in it is ever root's.
 */
#ifndef TXTD_CONTROL_TXTCTL_STOPPED_STORE_H
#define TXTD_CONTROL_TXTCTL_STOPPED_STORE_H

#include "control/config.h"
#include "control/txtctl/options.h"

/* Reads --config. Returns 0 with *config (config_free), or a code with a `detail`. */
int stopped_store_config(const struct options *options, struct config **config, struct error_detail *detail);

/* The zone of --zone, or the first. Returns NULL with a `detail` when the configuration has none of that name. */
const struct config_zone *stopped_store_zone(const struct options *options, const struct config *config,
                                             struct error_detail *detail);

/* Becomes the user of the configuration. Once. Returns 0 or a code with a `detail`. */
int stopped_store_become_user(const struct config *config, struct error_detail *detail);

/* Opens the store, which is made when it is not there. Returns 0 with *store (store_close), or a code with a `detail`;
 * TXTD_EEXISTS while a txtd runs. */
int stopped_store_open(const struct config *config, struct store **store, struct error_detail *detail);

#endif
