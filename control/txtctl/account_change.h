/* account_change.h: commands that change an account here and at the server: the file is held from before the server is asked until
 * what it answered is kept, so that no key is made only to be lost. */
#ifndef TXTD_CONTROL_TXTCTL_ACCOUNT_CHANGE_H
#define TXTD_CONTROL_TXTCTL_ACCOUNT_CHANGE_H

#include "control/txtctl/account_file.h"
#include "control/txtctl/options.h"

/* Opens the file of the options for a change and finds in it the account that they name: *name is what it stands under, both
 * belonging to the file. Returns TXTCTL_DONE, else everything is said already and *file is NULL. */
enum txtctl_status account_change_open(const struct options *options, struct account_file **file, const char **name,
                                       json_t **account);

#endif
