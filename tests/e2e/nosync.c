/* Makes a txtd that does not sync, to show that the power-loss test would notice: linked in front of the store with the linker's
 * --wrap=store_open. The real txtd has no such switch. */
#include "storage/store.h"

int __real_store_open(const struct store_options *options, struct store **store, struct error_detail *detail);
int __wrap_store_open(const struct store_options *options, struct store **store, struct error_detail *detail);

int __wrap_store_open(const struct store_options *options, struct store **store, struct error_detail *detail)
{
    struct store_options careless = *options;
    careless.sync = false;
    return __real_store_open(&careless, store, detail);
}
