/* config_places.h: whether what a configuration names is there, as far as looking shows it. */
#ifndef TXTD_CONTROL_CONFIG_PLACES_H
#define TXTD_CONTROL_CONFIG_PLACES_H

#include "control/config.h"

/* Looks, and touches nothing: the audit file and the control socket have a directory and are none, the interfaces of dns.xdp are
 * there. What txtd makes itself (process.state_directory) or the service manager does (all below /run) may be missing. Any one
 * thread. Returns 0, or TXTD_ENOTFOUND or TXTD_EINVAL with a `detail` that names file, line and key. */
int config_check_places(const struct config *config, struct error_detail *detail);

#endif
