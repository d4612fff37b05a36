/* export_json.h: an account and its delegate as one JSON object, with all that txtd knows of them but history and use. */
#ifndef TXTD_CONTROL_TXTCTL_EXPORT_JSON_H
#define TXTD_CONTROL_TXTCTL_EXPORT_JSON_H

#include <jansson.h>

#include "storage/store.h"

/* `zone` is the apex, or NULL when the configuration has no zone of that number any more; `delegate` may be NULL: there is none.
 * Returns a new reference, or NULL without memory. Pure. */
json_t *export_json(const struct store_account *account, const struct delegate_state *delegate, const char *zone);

#endif
