/* file_limit.h: as many connections as the process may have descriptors for.
 *
 * A limit of connections that the system does not allow would be reached as "too many open files", by whoever comes first and
 * for everybody: DNS clients could take the API's descriptors, and the store's.
 */
#ifndef TXTD_CONTROL_FILE_LIMIT_H
#define TXTD_CONTROL_FILE_LIMIT_H

#include <stdint.h>

#include "control/log.h"

struct file_limit {
    uint64_t wanted;              /* descriptors for the connections that are configured */
    uint64_t limit;               /* descriptors there are */
    unsigned dns_connections_max; /* at most what is configured, and what fits */
    unsigned api_connections_max;
};

/* Raises the process's limit of open files (the soft one to the hard one; both, where it may) to what so many connections
 * need, and fits them to what it got. Main thread, before anything is bound and before privileges are dropped. */
void file_limit_fit(unsigned dns_connections_max, unsigned api_connections_max, struct file_limit *files);

/* The second half of it. Pure; for tests. */
void file_limit_divide(unsigned dns_connections_max, unsigned api_connections_max, uint64_t limit,
                       struct file_limit *files);

/* Says so when connections had to be fitted. */
void file_limit_log(const struct file_limit *files, struct log *log);

#endif
