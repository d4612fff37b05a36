#include "control/metrics_process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* Linux 6.2 and later say how many entries the directory has; before that they are counted. */
static uint64_t open_files(void)
{
    struct stat status;
    uint64_t count = 0;
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0) {
        return (uint64_t)status.st_size;
    }
    DIR *entries = opendir("/proc/self/fd");
    if (entries == NULL) {
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(entries);
    return count - 1; /* the directory's own */
}

static void write_loads(struct metrics_page *page, const struct metrics_loads *loads)
{
    metrics_family(page, "txtd_reloads_total", "counter", "Reloads of the configuration, by outcome.");
    metrics_labelled(page, "txtd_reloads_total", "outcome", "ok", __atomic_load_n(&loads->reloads, __ATOMIC_RELAXED));
    metrics_labelled(page, "txtd_reloads_total", "outcome", "failed",
                     __atomic_load_n(&loads->reloads_failed, __ATOMIC_RELAXED));
    metrics_family(page, "txtd_certificate_loads_total", "counter",
                   "Loads of the API's certificate since the start, by outcome.");
    metrics_labelled(page, "txtd_certificate_loads_total", "outcome", "ok",
                     __atomic_load_n(&loads->certificates, __ATOMIC_RELAXED));
    metrics_labelled(page, "txtd_certificate_loads_total", "outcome", "failed",
                     __atomic_load_n(&loads->certificates_failed, __ATOMIC_RELAXED));
}

void metrics_write_process(struct metrics_page *page, const struct metrics_sources *sources)
{
    struct rlimit files;
    metrics_family(page, "txtd_build_info", "gauge", "Always 1; the label says which txtd this is.");
    metrics_labelled(page, "txtd_build_info", "version", TXTD_VERSION, 1);
    metrics_family(page, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
    metrics_print(page, "process_cpu_seconds_total %.6f\n", cpu_seconds());
    metrics_single(page, "process_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    metrics_single(page, "process_open_fds", "gauge", "Files that are open.", open_files());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        metrics_single(page, "process_max_fds", "gauge", "Files that may be open.", files.rlim_cur);
    }
    if (sources->started_s > 0) {
        metrics_single(page, "process_start_time_seconds", "gauge", "When the process has begun, since 1970.",
                       (unsigned long long)sources->started_s);
    }
    if (sources->loads != NULL) {
        write_loads(page, sources->loads);
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
