/* burial.h: what is left of a delegate and of an account when they are deleted: that they were there. */
#ifndef TXTD_STORAGE_BURIAL_H
#define TXTD_STORAGE_BURIAL_H

#include "storage/store.h"

/* Make one empty: name, zone and version stay, everything a customer or an operator has set goes. For an account, its delegate and when
 * it was made stay, too. Values, keys and the like above their counts are left as they were. Pure. */
void delegate_clear(struct delegate_state *delegate);
void account_clear(struct store_account *account);

/* Make a tombstone of one: neither name nor username is ever given out again, and nothing that was the customer's is left. Pure. */
void delegate_bury(struct delegate_state *delegate);
void account_bury(struct store_account *account);

#endif
