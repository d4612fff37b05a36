/* Makes a txtd that expires delegates after a second instead of an hour: linked in front of the expirer with the linker's
 * --wrap=expirer_start. The real txtd has no such switch. */
#include "control/expirer.h"

int __real_expirer_start(struct service *service, struct log *log, unsigned wait_s, struct expirer **expirer);
int __wrap_expirer_start(struct service *service, struct log *log, unsigned wait_s, struct expirer **expirer);

int __wrap_expirer_start(struct service *service, struct log *log, unsigned wait_s, struct expirer **expirer)
{
    (void)wait_s;
    return __real_expirer_start(service, log, 1, expirer);
}
