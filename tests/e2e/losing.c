/* losing.c: for live_changes.sh: a table that leaves out one change in eight, which its checker has to find. */
#include "dataplane/zone/delegate_table.h"

int __real_delegate_table_apply(struct delegate_table *table, const struct delegate_state *state, uint32_t ttl_s);
int __wrap_delegate_table_apply(struct delegate_table *table, const struct delegate_state *state, uint32_t ttl_s);

int __wrap_delegate_table_apply(struct delegate_table *table, const struct delegate_state *state, uint32_t ttl_s)
{
    return state->version > 2 && state->version % 8 == 0 ? 0 : __real_delegate_table_apply(table, state, ttl_s);
}
