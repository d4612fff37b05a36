#include "control/table_loader.h"

#include <inttypes.h>
#include <sched.h>

#include "control/value_ttls.h"
#include "dataplane/zone/delegate_table.h"
#include "storage/store.h"

struct load {
    struct delegate_table *table;
    const struct value_ttls *ttls;
};

/* On the thread of range `part`. */
static int build_each(void *context, unsigned part, const struct delegate_state *state)
{
    const struct load *load = context;
    return delegate_table_build_add(load->table, part, state, value_ttls_get(load->ttls, state->zone));
}

static int apply_each(void *context, unsigned part, const struct delegate_state *state)
{
    const struct load *load = context;
    (void)part;
    return delegate_table_apply(load->table, state, value_ttls_get(load->ttls, state->zone));
}

static unsigned cpus_allowed(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1; /* more CPUs than a cpu_set_t holds, or none of our business: loading works with one thread */
    }
    return (unsigned)CPU_COUNT(&set);
}

static int no_memory(uint64_t expected, struct error_detail *detail)
{
    return error_describe(detail, TXTD_ENOMEM, "not enough memory for the %" PRIu64 " delegates of the store",
                          expected);
}

int table_loader_load(struct store *store, const struct value_ttls *ttls, unsigned builders,
                      struct delegate_table *table, struct error_detail *detail)
{
    struct load load = {.table = table, .ttls = ttls};
    uint64_t estimate = store_delegates_estimate(store);
    uint64_t expected = estimate + estimate / 8 + 1024;
    if (builders == 0) {
        builders = cpus_allowed();
    }
    if (builders > TABLE_LOADER_BUILDERS_MAX) {
        builders = TABLE_LOADER_BUILDERS_MAX;
    }
    int rc = delegate_table_build_begin(table, expected, builders);
    if (rc != 0) {
        return rc == TXTD_ENOMEM ? no_memory(expected, detail) : rc;
    }
    rc = store_scan(store, builders, build_each, &load, detail);
    int end_rc = delegate_table_build_end(table);
    if (rc == TXTD_EFULL) {
        /* The store has more than it estimated. One thread can add the rest, for then the table grows. */
        rc = store_scan(store, 1, apply_each, &load, detail);
    }
    rc = rc == 0 ? end_rc : rc;
    return rc == TXTD_ENOMEM ? no_memory(expected, detail) : rc;
}
