#include "control/value_ttls.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "control/zone_loader.h"

struct value_ttls {
    _Atomic uint64_t one_more[UINT16_MAX + 1]; /* the TTL + 1; 0: not set. Pages that no zone touches cost nothing. */
};

struct value_ttls *value_ttls_new(void)
{
    return calloc(1, sizeof(struct value_ttls));
}

void value_ttls_free(struct value_ttls *ttls)
{
    free(ttls);
}

void value_ttls_set(struct value_ttls *ttls, uint16_t zone, uint32_t ttl_s)
{
    atomic_store_explicit(&ttls->one_more[zone], (uint64_t)ttl_s + 1, memory_order_relaxed);
}

uint32_t value_ttls_get(const struct value_ttls *ttls, uint16_t zone)
{
    uint64_t one_more = atomic_load_explicit(&ttls->one_more[zone], memory_order_relaxed);
    return one_more == 0 ? ZONE_VALUE_TTL_S : (uint32_t)(one_more - 1);
}
