#include "control/file_limit.h"

#include <sys/resource.h>

/* Beside connections: the files of the store (RocksDB is told to have 1024 open at most), sockets, what threads need. */
#define FILES_RESERVED       (1024 + 256)
#define FILES_PER_HTTPS      3  /* TLS in front of HTTP needs a socket pair */
#define CONNECTIONS_AT_LEAST 16 /* of each kind: with fewer descriptors txtd tries all the same */

static unsigned fit(uint64_t fitted, unsigned connections)
{
    fitted = fitted < CONNECTIONS_AT_LEAST ? CONNECTIONS_AT_LEAST : fitted;
    return fitted < connections ? (unsigned)fitted : connections;
}

/* DNS comes first, but a quarter is the API's: without it nothing changes that DNS could tell. */
void file_limit_divide(unsigned dns_connections_max, unsigned api_connections_max, uint64_t limit,
                       struct file_limit *files)
{
    uint64_t left = limit > FILES_RESERVED ? limit - FILES_RESERVED : 0;
    uint64_t dns_files = left - left / 4 < dns_connections_max ? left - left / 4 : dns_connections_max;
    *files = (struct file_limit){
        .wanted = FILES_RESERVED + dns_connections_max + (uint64_t)FILES_PER_HTTPS * api_connections_max,
        .limit = limit,
        .api_connections_max = fit((left - dns_files) / FILES_PER_HTTPS, api_connections_max),
    };
    uint64_t api_files = (uint64_t)FILES_PER_HTTPS * files->api_connections_max;
    files->dns_connections_max = fit(left > api_files ? left - api_files : 0, dns_connections_max);
}

void file_limit_fit(unsigned dns_connections_max, unsigned api_connections_max, struct file_limit *files)
{
    struct rlimit now;
    file_limit_divide(dns_connections_max, api_connections_max, UINT64_MAX, files);
    const struct rlimit enough = {files->wanted, files->wanted};
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= files->wanted) {
        return;
    }
    if (now.rlim_max >= files->wanted || setrlimit(RLIMIT_NOFILE, &enough) != 0) { /* root may raise the hard limit */
        now.rlim_cur = now.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &now);
    }
    if (getrlimit(RLIMIT_NOFILE, &now) == 0) {
        file_limit_divide(dns_connections_max, api_connections_max, now.rlim_cur, files);
    }
}

void file_limit_log(const struct file_limit *files, struct log *log)
{
    if (files->limit < files->wanted) {
        enum log_level level = files->limit < files->wanted / 2 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
        log_event(log, level, "start.fewer_connections", log_uint("limit", files->limit),
                  log_uint("wanted", files->wanted), log_uint("dns.tcp.connections", files->dns_connections_max),
                  log_uint("api.limits.connections", files->api_connections_max),
                  log_text("hint", "what open files allow; for more, raise LimitNOFILE= or ulimit -n"));
    }
}
