#include "control/metrics_process.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/audit.h"
#include "control/log_writer.h"
#include "control/metrics.h"
#include "control/metrics_page.h"

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* proc(5): the second number of statm is the pages in memory. */
static unsigned long long resident_bytes(void)
{
    unsigned long long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    int read = fscanf(file, "%llu %llu", &total, &resident);
    (void)fclose(file);
    return read == 2 ? resident * (unsigned long long)sysconf(_SC_PAGESIZE) : 0;
}

void metrics_write_process(struct metrics_page *page, const struct metrics_sources *sources)
{
    struct rlimit files;
    metrics_family(page, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
    metrics_print(page, "process_cpu_seconds_total %.6f\n", cpu_seconds());
    metrics_single(page, "process_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        metrics_single(page, "process_max_fds", "gauge", "Files that may be open.", files.rlim_cur);
    }
    if (sources->started_s > 0) {
        metrics_single(page, "process_start_time_seconds", "gauge", "When the process has begun, since 1970.",
                       (unsigned long long)sources->started_s);
    }
    if (sources->audit != NULL) {
        metrics_single(page, "txtd_audit_lost_total", "counter", "Lines of the audit file that were left out.",
                       audit_lost(sources->audit));
    }
    if (sources->log_writer != NULL) {
        metrics_single(page, "txtd_log_lost_total", "counter", "Lines of changes that the log has left out.",
                       log_writer_lost(sources->log_writer));
    }
}
